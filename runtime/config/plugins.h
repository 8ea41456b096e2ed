// Plugins from the configuration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/config.pb.h"
#include "echostream/plugin.h"

namespace echostream::internal {

/// Makes the plugin that the settings are of, configured, not started.
Result<std::shared_ptr<Plugin>> make_plugin_from(const config::PluginConfig& plugin);
/// "metrics", or the path of a shared object.
std::string plugin_kind(const config::PluginConfig& plugin);
/// The same plugin, with which a node starts even if it does not: its error is logged, and none of
/// its other hooks is called.
std::shared_ptr<Plugin> make_optional(std::shared_ptr<Plugin> plugin);

}  // namespace echostream::internal
