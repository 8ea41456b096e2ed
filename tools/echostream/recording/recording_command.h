// The commands below `echostream recording`.
#pragma once

#include <memory>

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_info_command(CLI::App& recording);
std::unique_ptr<Command> make_cat_command(CLI::App& recording);
std::unique_ptr<Command> make_serve_command(CLI::App& recording);

}  // namespace echostream::tool
