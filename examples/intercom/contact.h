// How a caller finds and recognises a station: its address and its certificate's fingerprint, in a
// small file.
#pragma once

#include <string>

#include "echostream/security.h"

namespace intercom {

struct Contact {
  std::string address;
  echostream::Fingerprint fingerprint;
};

/// A reader sees the whole file or none.
echostream::Status write_contact(const std::string& path, const Contact& contact);
/// kNotFound, or kInvalidArgument when it does not hold both lines.
echostream::Result<Contact> read_contact(const std::string& path);

}  // namespace intercom
