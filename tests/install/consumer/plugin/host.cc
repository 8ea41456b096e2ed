// Loads the plugin that it is told, and looks whether it has run.
#include <iostream>

#include "echostream/node.h"
#include "echostream/plugin_loader.h"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  auto plugin = echostream::load_plugin(arguments[1]);
  if (!plugin) {
    std::cerr << plugin.error() << '\n';
    return 1;
  }
  auto loop = echostream::make_loop();
  if (!loop) return 1;
  echostream::Node node(**loop);
  if (!node.add_plugin(*plugin).is_ok()) return 1;
  if (!echostream::run(**loop, node.start()).is_ok()) return 1;
  const auto* word = node.state().get<std::string>();
  return word != nullptr && *word == "HELLO" ? 0 : 1;
}
