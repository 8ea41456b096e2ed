// Who this user's programs are.
#pragma once

#include <string>

#include "echostream/base/result.h"
#include "echostream/security.h"

namespace echostream::tool {

/// From these PEM files. Where none are named, those in settings_folder(), which are made the first
/// time: certificate.pem and key.pem, a self-signed certificate for `name`.
Result<Identity> own_identity(const std::string& certificate, const std::string& key,
                              const std::string& name, WallTime now);

}  // namespace echostream::tool
