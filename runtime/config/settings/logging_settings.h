// The plugin `logging` as the configuration describes it.
#pragma once

#include <memory>

#include "echostream/base/result.h"
#include "echostream/plugin.h"
#include "echostream/plugins/logging.h"
#include "echostream/plugins/logging.pb.h"

namespace echostream {

/// Where the plugin of these settings writes: for NodeOptions::log too (Log::sink_of()). The same
/// for the same settings, as long as somebody has it, so that nodes share one file.
Result<std::shared_ptr<Log>> open_log(const config::LoggingSettings& settings);

/// INVALID_ARGUMENT, with the field and what is allowed.
Result<std::shared_ptr<Plugin>> make_plugin(const config::LoggingSettings& settings);

}  // namespace echostream
