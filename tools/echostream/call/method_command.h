// What the commands that call one method begin with: which it is, and what it is sent.
#pragma once

#include <optional>
#include <string>

#include "tools/echostream/call/message_source.h"
#include "tools/echostream/remote/remote_command.h"

namespace echostream::tool {

class MethodCommand : public RemoteCommand {
 public:
  MethodCommand(CLI::App& app, const std::string& explanation);

 protected:
  /// Whether the command is for methods of that kind. INVALID_ARGUMENT says what to use instead.
  virtual Status check_kind(const SchemaMethod& method) const = 0;
  /// As use(), with the method that was named.
  virtual Task<Status> use_method(Loop& loop, Remote& remote, const Schema& schema,
                                  const SchemaMethod& method) = 0;

  /// As it was given.
  const std::string& method_name() const { return method_; }
  /// What the method is sent; there from check() on.
  MessageSource& source() { return *source_; }

 private:
  Status check() final;
  Task<Status> use(Loop& loop, Remote& remote) final;

  std::string method_;
  std::string data_;
  std::optional<MessageSource> source_;
};

}  // namespace echostream::tool
