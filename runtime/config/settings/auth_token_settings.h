// The plugin auth_token from its part of the configuration.
#pragma once

#include <memory>

#include "echostream/base/result.h"
#include "echostream/plugin.h"
#include "echostream/plugins/auth_token.pb.h"

namespace echostream {

/// Reads the tokens and keys that the settings name. The error names the field; it never shows a
/// secret.
Result<std::shared_ptr<Plugin>> make_plugin(const config::AuthTokenSettings& settings);

}  // namespace echostream
