// What the program can do, one class for each command; main() asks which one was meant and runs it.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/status.h"

namespace echostream::tool {

/// A command's constructor adds its name and options below its parent's.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(app) {}
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Called once, after the options have been read. kInvalidArgument: usage or input is wrong (exit
  /// code 2); other errors: something outside could not be done (1).
  virtual Status run() = 0;

  /// Says on stderr what run() returned, where that is an error, and gives the exit code for it.
  /// With --json the error is an object on stdout as well.
  virtual int report(const Status& status) const;

  bool is_chosen() const { return app_.parsed(); }
  CLI::App& app() { return app_; }
  const CLI::App& app() const { return app_; }

 protected:
  /// For commands that write objects for programs; `help` says which.
  void add_json_flag(const std::string& help);
  bool wants_json() const { return json_; }

 private:
  CLI::App& app_;
  bool json_ = false;
};

inline constexpr int kDone = 0;
inline constexpr int kFailure = 1;
inline constexpr int kWrongUsage = 2;
/// A call that ended with a status: this and its code.
inline constexpr int kCallEnded = 64;

using Commands = std::vector<std::unique_ptr<Command>>;

/// With the names of all that it is part of: "echostream timing jitter".
std::string full_name(const CLI::App& app);

/// `echostream ping`, `list`, `describe`, `call`, `emit`, `subscribe`, `watch` and `bench`: a node.
void add_call_commands(CLI::App& program, Commands& commands);
/// `echostream cert`: certificates.
void add_cert_commands(CLI::App& program, Commands& commands);
/// `echostream completion`: scripts for shells.
void add_completion_command(CLI::App& program, Commands& commands);
/// `echostream config`: configuration files.
void add_config_commands(CLI::App& program, Commands& commands);
/// `echostream browse`, `announce`, `pair` and `peers`: nodes on the local network, and trust.
void add_discovery_commands(CLI::App& program, Commands& commands);
/// `echostream timing`: the jitter buffer and the clock on recorded data.
void add_timing_commands(CLI::App& program, Commands& commands);
/// `echostream recording`: what is in recordings, and serving them again.
void add_recording_commands(CLI::App& program, Commands& commands);

}  // namespace echostream::tool
