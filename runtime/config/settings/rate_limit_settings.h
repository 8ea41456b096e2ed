// The plugin rate_limit from its part of the configuration.
#pragma once

#include <memory>

#include "echostream/base/result.h"
#include "echostream/plugin.h"
#include "echostream/plugins/rate_limit.pb.h"

namespace echostream {

/// The error names the rule and what is allowed.
Result<std::shared_ptr<Plugin>> make_plugin(const config::RateLimitSettings& settings);

}  // namespace echostream
