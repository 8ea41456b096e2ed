// Where the house gets its plugin from: linked_plugin.cc or loaded_plugin.cc.
#pragma once

#include <memory>
#include <string>

#include "echostream/plugin.h"

#include "arguments/arguments.h"

class HousePlugin {
 public:
  /// Adds the flags that it needs.
  explicit HousePlugin(examples::Arguments& flags);
  /// After the flags were parsed.
  echostream::Result<std::shared_ptr<echostream::Plugin>> make() const;

 private:
  std::string path_;
};
