#include "tools/echostream/config/config_command.h"

namespace echostream::tool {

void add_config_commands(CLI::App& program, Commands& commands) {
  CLI::App& config = *program.add_subcommand(
      "config", "Configuration files of nodes: whether they are right, and what holds");
  config.require_subcommand(1);
  commands.push_back(make_config_check_command(config));
}

}  // namespace echostream::tool
