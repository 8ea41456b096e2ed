#include "tools/echostream/call/call_commands.h"

namespace echostream::tool {

void add_call_commands(CLI::App& program, Commands& commands) {
  commands.push_back(make_ping_command(program));
  commands.push_back(make_list_command(program));
  commands.push_back(make_describe_command(program));
  commands.push_back(make_call_command(program));
  commands.push_back(make_emit_command(program));
  commands.push_back(make_subscribe_command(program));
  commands.push_back(make_watch_command(program));
  commands.push_back(make_bench_command(program));
}

}  // namespace echostream::tool
