#pragma once

#include "echostream/base/result.h"
#include "echostream/plugins/auth_token.h"

namespace echostream::auth_token {

/// Tokens, keys and numbers; rules and names are checked where they are read.
Status check_options(const AuthTokenOptions& options);

}  // namespace echostream::auth_token
