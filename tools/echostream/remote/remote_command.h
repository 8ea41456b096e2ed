// A command that talks to one node.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/echostream/command.h"
#include "tools/echostream/remote/dial_options.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

class RemoteCommand : public Command {
 public:
  RemoteCommand(CLI::App& app, const std::string& explanation);

  /// Connects, and runs use() until it has ended or somebody stops the program.
  Status run() final;
  /// Of a call that ended with an error: its status, with the details, and 64 + its code.
  int report(const Status& status) const final;

 protected:
  /// What can be judged before anybody is dialled. INVALID_ARGUMENT.
  virtual Status check() { return Status::ok(); }
  virtual Task<Status> use(Loop& loop, Remote& remote) = 0;
  /// The program was stopped (Ctrl-C) while use() ran.
  virtual Status stopped() { return {StatusCode::kCancelled, "stopped"}; }

  /// For use() to return: the peer ended a call of that method with that error.
  Status call_ended(const Schema& schema, const SchemaMethod& method, const Status& status);

  DialOptions& dial_options() { return dial_; }
  const DialOptions& dial_options() const { return dial_; }

 private:
  Task<Status> talk(Loop& loop);
  Task<void> tell_of_silence() const;

  DialOptions dial_;
  bool has_call_ended_ = false;
  std::vector<std::string> details_;
};

}  // namespace echostream::tool
