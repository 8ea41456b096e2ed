#include "tools/echostream/recording/recording_command.h"

namespace echostream::tool {

void add_recording_commands(CLI::App& program, Commands& commands) {
  CLI::App& recording = *program.add_subcommand(
      "recording", "Recordings of sessions (MCAP files): what is in them, and serving them again");
  recording.require_subcommand(1);
  recording.footer(
      "The plugin \"recorder\" makes them; docs/plugins/recorder.md. Each command's --help has an "
      "example.");
  commands.push_back(make_info_command(recording));
  commands.push_back(make_cat_command(recording));
  commands.push_back(make_serve_command(recording));
}

}  // namespace echostream::tool
