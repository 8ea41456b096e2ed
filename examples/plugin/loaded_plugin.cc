// The plugin is a file that the user names; the program knows nothing of it.
#include "echostream/plugin_loader.h"

#include "house.h"

HousePlugin::HousePlugin(examples::Arguments& flags) {
  flags.text("--plugin", "FILE", "the plugin, a shared object", path_);
  flags.required();
}

echostream::Result<std::shared_ptr<echostream::Plugin>> HousePlugin::make() const {
  return echostream::load_plugin(path_);
}
