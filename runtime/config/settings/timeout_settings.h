// The plugin `timeout` as the configuration describes it.
#pragma once

#include <memory>

#include "echostream/base/result.h"
#include "echostream/plugin.h"
#include "echostream/plugins/timeout.pb.h"

namespace echostream {

/// INVALID_ARGUMENT, with the field and what is allowed.
Result<std::shared_ptr<Plugin>> make_plugin(const config::TimeoutSettings& settings);

}  // namespace echostream
