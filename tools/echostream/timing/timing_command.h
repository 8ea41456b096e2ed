// The commands below `echostream timing`, one file for each.
#pragma once

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_jitter_command(CLI::App& timing);
std::unique_ptr<Command> make_clock_command(CLI::App& timing);
std::unique_ptr<Command> make_plot_command(CLI::App& timing);
std::unique_ptr<Command> make_record_command(CLI::App& timing);

}  // namespace echostream::tool
