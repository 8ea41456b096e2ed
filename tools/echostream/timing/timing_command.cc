#include "tools/echostream/timing/timing_command.h"

namespace echostream::tool {

void add_timing_commands(CLI::App& program, Commands& commands) {
  CLI::App& timing = *program.add_subcommand(
      "timing", "The runtime's jitter buffer and clock on recorded streams, and pictures of that");
  timing.require_subcommand(1);
  timing.footer(
      "Files are tables of comma-separated values; times are in microseconds. Each command's "
      "--help "
      "has an example.");
  commands.push_back(make_jitter_command(timing));
  commands.push_back(make_clock_command(timing));
  commands.push_back(make_plot_command(timing));
  commands.push_back(make_record_command(timing));
}

}  // namespace echostream::tool
