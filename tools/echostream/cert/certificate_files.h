// A key and its certificate, written together or not at all.
#pragma once

#include <string>

#include "echostream/base/status.h"

namespace echostream::tool {

struct CertificateFiles {
  std::string key;
  std::string certificate;
};

/// The key for its owner alone. Files that are there are replaced only with `replaces`. UNAVAILABLE
/// when one of them cannot be written: then no new key stays, and what was there before does.
Status write_certificate_files(const CertificateFiles& paths, const CertificateFiles& contents,
                               bool replaces);

}  // namespace echostream::tool
