// The plugin `metrics` as the configuration describes it.
#pragma once

#include <memory>

#include "echostream/base/result.h"
#include "echostream/plugin.h"
#include "echostream/plugins/metrics.pb.h"

namespace echostream {

/// INVALID_ARGUMENT, with the field and what is allowed. Plugins of the same settings, for example
/// of a NodePool's threads, share one registry, and so one page.
Result<std::shared_ptr<Plugin>> make_plugin(const config::MetricsSettings& settings);

}  // namespace echostream
