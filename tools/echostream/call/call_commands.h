// Commands that talk to one node: what it serves, calls of it, and how well it is reached.
#pragma once

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_ping_command(CLI::App& program);
std::unique_ptr<Command> make_list_command(CLI::App& program);
std::unique_ptr<Command> make_describe_command(CLI::App& program);
std::unique_ptr<Command> make_call_command(CLI::App& program);
std::unique_ptr<Command> make_emit_command(CLI::App& program);
std::unique_ptr<Command> make_subscribe_command(CLI::App& program);
std::unique_ptr<Command> make_watch_command(CLI::App& program);
std::unique_ptr<Command> make_bench_command(CLI::App& program);

}  // namespace echostream::tool
