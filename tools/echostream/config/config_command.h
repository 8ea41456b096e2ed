// `echostream config`: what a program would make of a configuration.
#pragma once

#include <memory>

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_config_check_command(CLI::App& config);

}  // namespace echostream::tool
