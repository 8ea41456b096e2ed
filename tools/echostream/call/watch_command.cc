// echostream watch: how well a stream arrives.
#include <iostream>
#include <string>

#include "echostream/base/printable.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/call_run.h"
#include "tools/echostream/call/method_command.h"
#include "tools/echostream/call/stream_figures.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/io/live_lines.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kWatchExplanation =
    R"(Calls a method that streams or publishes, and shows not the messages but how they arrive: how many a second, what
was lost, the one-way latency by the session's clock, what the jitter buffer does, and how well the clock is known.
A table that follows, on a terminal; otherwise a line for each interval; with --json an object.

Example:
  echostream watch 192.0.2.7:4433 Robot/Camera -d '{"width": 640}' --seconds 30 --fingerprint 4f2a...)";

class WatchCommand final : public MethodCommand {
 public:
  explicit WatchCommand(CLI::App& program)
      : MethodCommand(*program.add_subcommand("watch", "Show how well a stream arrives"),
                      kWatchExplanation) {
    add_milliseconds(app(), "--interval", interval_, 10, "between two lines [1000]");
    seconds_option_ = app()
                          .add_option("--seconds", seconds_, "end after that long")
                          ->check(CLI::Range(0.01, 1e6));
  }

 private:
  Status check_kind(const SchemaMethod& method) const override {
    if (method.info.server_streaming) return Status::ok();
    return {StatusCode::kInvalidArgument,
            method.full_name + " answers with one message; use 'echostream call'"};
  }

  Task<Status> use_method(Loop& loop, Remote& remote, const Schema& schema,
                          const SchemaMethod& method) override {
    CallRun run{loop, remote, schema, method, dial_options().call_options(), std::move(source()),
                {},   {}};
    run.on_message = [&](const Frame<Buffer>& frame) {
      figures_.add(frame);
      return true;
    };
    run.on_open = [&](RemoteStream& stream) {
      stream_ = &stream;
      if (is_enough_) stream.cancel();
    };
    TaskGroup reports(loop);
    reports.spawn(report_always(loop, remote));
    CallOutcome outcome = co_await run_call(run);
    // It ends with the run, which the reports look into.
    reports.clear();
    stream_ = nullptr;
    show(loop.now(), remote);
    if (!outcome.usage.is_ok()) co_return outcome.usage;
    if (is_enough_) co_return Status::ok();
    co_return call_ended(schema, method, outcome.status);
  }

  Status stopped() override { return Status::ok(); }

  Task<void> report_always(Loop& loop, Remote& remote) {
    last_ = loop.now();
    const LocalTime end = seconds_option_->count() == 0
                              ? kNever
                              : deadline_after(last_, std::chrono::duration_cast<Duration>(
                                                          std::chrono::duration<double>(seconds_)));
    for (;;) {
      (void)co_await sleep_until(std::min(end, last_ + interval_));
      if (loop.now() >= end) break;
      show(loop.now(), remote);
    }
    is_enough_ = true;
    if (stream_ == nullptr) co_return;
    last_buffer_ = stream_->jitter_buffer();
    stream_->cancel();
  }

  void show(LocalTime now, const Remote& remote) {
    StreamSurroundings around;
    if (stream_ != nullptr) last_buffer_ = stream_->jitter_buffer();
    around.jitter_buffer = last_buffer_;
    if (const auto session = remote.session()) {
      around.clock = session->clock().estimate();
      around.session = session->stats();
    }
    const StreamReport report = figures_.take(now - last_, std::move(around));
    last_ = now;
    if (wants_json()) {
      std::cout << report_json(report) << std::endl;
    } else if (terminal_rows() > 0) {
      std::vector<std::string> lines = report_table(report);
      lines.insert(lines.begin(), echostream::printable(method_name()) + "   (Ctrl-C ends this)");
      table_.draw(lines);
    } else {
      std::cout << report_line(report) << std::endl;
    }
  }

  Duration interval_ = std::chrono::seconds(1);
  double seconds_ = 0;
  CLI::Option* seconds_option_ = nullptr;
  StreamFigures figures_;
  LiveLines table_;
  LocalTime last_{};
  RemoteStream* stream_ = nullptr;
  std::optional<JitterBufferStats> last_buffer_;
  bool is_enough_ = false;
};

}  // namespace

std::unique_ptr<Command> make_watch_command(CLI::App& program) {
  return std::make_unique<WatchCommand>(program);
}

}  // namespace echostream::tool
