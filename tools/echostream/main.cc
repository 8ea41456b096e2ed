// echostream: talks to nodes, looks at what EchoStream would make of recorded data, and at who is
// there on the network.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

#include "tools/echostream/command.h"
#include "tools/echostream/remote/status_text.h"

namespace {

using namespace echostream::tool;
using echostream::Status;
using echostream::StatusCode;

// The innermost command on the line, which is the one whose --help explains more.
const CLI::App& chosen(const CLI::App& app) {
  const auto below = app.get_subcommands();
  return below.empty() ? app : chosen(*below.front());
}

// The line cannot be read as a whole, so the word alone says it.
bool wants_json(const CLI::App& app, int argument_count, char** arguments) {
  return app.get_option_no_throw("--json") != nullptr &&
         std::find(arguments, arguments + argument_count, std::string_view("--json")) !=
             arguments + argument_count;
}

int report_usage(const CLI::App& program, const CLI::ParseError& error, int argument_count,
                 char** arguments) {
  const CLI::App& app = chosen(program);
  const std::string name = full_name(app);
  std::string problem = error.what();
  // CLI11 says the same of a command that is missing and of one that it does not know.
  const auto unknown = program.remaining(true);
  if (app.get_require_subcommand_min() > 0 && !unknown.empty()) {
    problem = "there is no command '" + unknown.front() + "'";
  } else if (app.get_require_subcommand_min() > 0) {
    problem = "a command is missing";
  }
  if (wants_json(app, argument_count, arguments)) {
    std::cout << status_json(Status(StatusCode::kInvalidArgument, problem), {}) << std::endl;
  }
  std::cerr << name << ": " << problem << "\nTry '" << name << " --help'.\n";
  return kWrongUsage;
}

int run(const Commands& commands) {
  for (const auto& command : commands) {
    if (!command->is_chosen()) continue;
    return command->report(command->run());
  }
  return kFailure;
}

}  // namespace

int main(int argument_count, char** arguments) {
  CLI::App program(
      "Talks to nodes of EchoStream and says how well they are reached; looks at what it would "
      "make of recorded data, and at who is there.",
      "echostream");
  program.set_version_flag("--version", "echostream " ECHOSTREAM_VERSION);
  program.set_help_all_flag("--help-all", "Print this of all commands, and exit");
  program.require_subcommand(1);
  program.footer(
      "Exit code: 0 done, 1 it could not be done (a file cannot be read or written, a daemon is "
      "missing), 2 wrong usage or input, 64 + N a call ended with status N.\nMore about each: "
      "echostream COMMAND --help");
  Commands commands;
  add_call_commands(program, commands);
  add_cert_commands(program, commands);
  add_completion_command(program, commands);
  add_config_commands(program, commands);
  add_discovery_commands(program, commands);
  add_timing_commands(program, commands);
#ifdef ECHOSTREAM_HAS_RECORDINGS
  add_recording_commands(program, commands);
#endif

  try {
    program.parse(argument_count, arguments);
  } catch (const CLI::Success& wish) {  // --help, --version
    return program.exit(wish);
  } catch (const CLI::ParseError& error) {
    return report_usage(program, error, argument_count, arguments);
  }
  return run(commands);
}
