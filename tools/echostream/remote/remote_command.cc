#include "tools/echostream/remote/remote_command.h"

#include <iostream>
#include <utility>

#include "echostream/base/printable.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"

#include "tools/echostream/discovery/until_stopped.h"
#include "tools/echostream/remote/status_text.h"

namespace echostream::tool {

namespace {

constexpr Duration kSilence = std::chrono::seconds(1);

// Some of it may be the peer's words; what is wrong with a .proto file has several lines.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find('\n');
    out += echostream::printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace

RemoteCommand::RemoteCommand(CLI::App& app, const std::string& explanation)
    : Command(app), dial_(app) {
  add_json_flag("JSON objects, each in a line of its own, errors among them");
  app.footer(explanation + "\n\n" + kDialExplanation);
}

Status RemoteCommand::run() {
  if (Status status = dial_.check_target(); !status.is_ok()) return status;
  if (auto metadata = dial_.metadata(); !metadata) return metadata.error();
  if (Status status = check(); !status.is_ok()) return status;
  auto loop = make_loop();
  if (!loop) return loop.error();
  bool was_stopped = true;
  const auto run_talk = [&]() -> Task<Status> {
    Status status = co_await talk(**loop);
    was_stopped = false;
    co_return status;
  };
  Status status = run_until_stopped(**loop, run_talk());
  return was_stopped ? stopped() : status;
}

Task<Status> RemoteCommand::talk(Loop& loop) {
  TaskGroup waiting(loop);
  if (!wants_json()) waiting.spawn(tell_of_silence());
  auto remote = co_await dial(loop, dial_);
  waiting.clear();
  if (!remote) co_return remote.error();
  Status status = co_await use(loop, **remote);
  co_await (*remote)->close();
  co_return status;
}

// A closed port and a lost packet look alike, so this is all that is known for a while.
Task<void> RemoteCommand::tell_of_silence() const {
  (void)co_await sleep_for(kSilence);
  std::cerr << full_name(app()) << ": nobody has answered at "
            << echostream::printable(dial_.target()) << " yet; still trying (--connect-timeout)"
            << std::endl;
}

Status RemoteCommand::call_ended(const Schema& schema, const SchemaMethod& method,
                                 const Status& status) {
  has_call_ended_ = !status.is_ok();
  if (!has_call_ended_) return status;
  details_ = detail_texts(schema, status);
  // The node knows the number that was called, and not its name.
  if (status.code() == StatusCode::kUnimplemented) return status.with_context(method.full_name);
  const std::string limit = std::to_string(dial_.max_reply_bytes());
  const bool is_limit = status.code() == StatusCode::kResourceExhausted &&
                        status.message().find(limit) != std::string_view::npos;
  if (is_limit) return {status.code(), std::string(status.message()) + "; see --max-reply-bytes"};
  return status;
}

int RemoteCommand::report(const Status& status) const {
  if (status.is_ok()) return kDone;
  if (!has_call_ended_) {
    return Command::report(Status(status.code(), printable_lines(status.message())));
  }
  if (wants_json()) std::cout << status_json(status, details_) << std::endl;
  std::cerr << full_name(app()) << ": " << echostream::printable(status.to_string()) << '\n';
  for (const std::string& detail : details_) std::cerr << "  " << detail << '\n';
  return kCallEnded + static_cast<int>(status.code());
}

}  // namespace echostream::tool
