// Plugins that lie in shared objects of their own. docs/plugins.md says how to build one.
#pragma once

#include <memory>
#include <string>

#include "echostream/base/result.h"
#include "echostream/plugin.h"

namespace echostream {

/// Loads the shared object at `path`, and makes its plugin: what ECHOSTREAM_EXPORT_PLUGIN exports.
/// The caller gives it its settings (Plugin::configure()) and adds it to one node. Each call makes
/// another plugin; the code is loaded once, and stays until the program ends, for values and tasks
/// of a plugin may outlive it.
///
/// Code of a file that others could write would run with this program's rights. So it is refused
/// (PERMISSION_DENIED) unless its owner is root or this process's user, and neither the file nor
/// its folder, nor one above that has no sticky bit, can be written by everybody. Other errors:
/// NOT_FOUND (no such file), INVALID_ARGUMENT (not a shared object, needs what this program does
/// not export, or exports no plugin), FAILED_PRECONDITION (ECHOSTREAM_PLUGIN_ABI is another one),
/// INTERNAL (its constructor threw). The program must have been linked with CMake's
/// echostream_allow_plugins().
Result<std::shared_ptr<Plugin>> load_plugin(const std::string& path);

}  // namespace echostream
