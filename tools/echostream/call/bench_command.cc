// echostream bench: how fast a node answers.
#include <array>
#include <cstdio>
#include <iostream>
#include <string>

#include "echostream/base/task_group.h"

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/describe_text.h"
#include "tools/echostream/call/method_command.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/io/latency_histogram.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kBenchExplanation =
    R"(Calls an rpc again and again, --concurrency calls at a time over one session, and says how many a second were
answered and how long they took. It loads the node: ask whoever runs it. Calls that fail are counted by their
status; exit code 64 + the commonest of these when there were any. When none is answered there are no times, and the
first error is told.

Example:
  echostream bench 192.0.2.7:4433 Robot/State -d '{}' --concurrency 16 --seconds 10 --fingerprint 4f2a...)";

constexpr double kShares[] = {0.5, 0.9, 0.99, 0.999};
constexpr const char* kShareNames[] = {"p50", "p90", "p99", "p99.9"};

class BenchCommand final : public MethodCommand {
 public:
  explicit BenchCommand(CLI::App& program)
      : MethodCommand(*program.add_subcommand("bench", "Measure how fast a node answers"),
                      kBenchExplanation) {
    app()
        .add_option("--concurrency", concurrency_, "calls at a time")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app()
        .add_option("--seconds", seconds_, "how long")
        ->check(CLI::Range(0.01, 86'400.0))
        ->capture_default_str();
  }

 private:
  Status check_kind(const SchemaMethod& method) const override {
    if (method.info.kind == MethodKind::kRpc) return Status::ok();
    return {StatusCode::kInvalidArgument, method.full_name + " is of kind " +
                                              std::string(to_string(method.info.kind)) +
                                              ", and only rpcs have one answer for each call"};
  }

  Task<Status> use_method(Loop& loop, Remote& remote, const Schema& schema,
                          const SchemaMethod& method) override {
    auto request = co_await source().only(loop, schema, method);
    if (!request) co_return request.error();
    begin_ = loop.now();
    const LocalTime end = deadline_after(
        begin_, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_)));
    {
      TaskGroup callers(loop);
      for (int i = 0; i < concurrency_; ++i) {
        callers.spawn(call_always(loop, remote, method, *request, end));
      }
      (void)co_await callers.join();
    }
    // Times of nothing tell nothing.
    if (times_.count() > 0) show(loop.now() - begin_);
    co_return call_ended(schema, method, times_.count() > 0 ? commonest_error() : none_answered());
  }

  Status stopped() override {
    if (times_.count() == 0) return {StatusCode::kCancelled, "stopped before a call was answered"};
    show(loop_now_ - begin_);
    return Status::ok();
  }

  Task<void> call_always(Loop& loop, Remote& remote, const SchemaMethod& method, Buffer request,
                         LocalTime end) {
    while (loop.now() < end) {
      const LocalTime before = loop.now();
      auto reply = co_await remote.unary(method, request, dial_options().call_options());
      loop_now_ = loop.now();
      count(reply.status(), loop_now_ - before);
      // The session is gone; nothing will be answered any more.
      if (reply.status().code() == StatusCode::kUnavailable) co_return;
    }
  }

  void count(const Status& status, Duration time) {
    const auto code = static_cast<std::size_t>(status.code());
    if (status.is_ok()) {
      times_.add(time);
    } else if (errors_[code]++ == 0) {
      examples_[code] = status;
    }
    if (first_error_.is_ok()) first_error_ = status;
  }

  Status commonest_error() const {
    std::size_t most = 0;
    for (std::size_t code = 1; code < errors_.size(); ++code) {
      if (errors_[code] > errors_[most]) most = code;
    }
    return examples_[most];
  }

  // How the first call ended, when no other went better.
  Status none_answered() const {
    std::uint64_t failed = 0;
    for (const std::uint64_t errors : errors_) failed += errors;
    if (failed < 2) return first_error_;
    const std::string all = "all " + std::to_string(failed) + " calls failed";
    const std::string said(first_error_.message());
    Status status(first_error_.code(), said.empty() ? all : all + ", the first: " + said);
    for (const StatusDetail& detail : first_error_.details()) status.add_detail(detail);
    return status;
  }

  void show(Duration elapsed) const {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const double rate = seconds > 0 ? static_cast<double>(times_.count()) / seconds : 0;
    if (wants_json()) {
      show_json(seconds, rate);
      return;
    }
    char text[128];
    std::snprintf(text, sizeof text, "%llu calls in %.2f s: %.1f/s, %d at a time\n",
                  static_cast<unsigned long long>(times_.count()), seconds, rate, concurrency_);
    std::cout << text << "least  " << milliseconds_text(times_.least()) << "\nmean   "
              << milliseconds_text(times_.mean()) << '\n';
    for (std::size_t i = 0; i < std::size(kShares); ++i) {
      std::snprintf(text, sizeof text, "%-6s ", kShareNames[i]);
      std::cout << text << milliseconds_text(times_.quantile(kShares[i])) << '\n';
    }
    std::cout << "most   " << milliseconds_text(times_.most()) << '\n';
    for (std::size_t code = 1; code < errors_.size(); ++code) {
      if (errors_[code] == 0) continue;
      std::cout << "failed " << errors_[code] << ' '
                << echostream::to_string(static_cast<StatusCode>(code)) << '\n';
    }
    std::cout << std::flush;
  }

  void show_json(double seconds, double rate) const {
    JsonLine errors;
    for (std::size_t code = 1; code < errors_.size(); ++code) {
      if (errors_[code] > 0) {
        errors.add(echostream::to_string(static_cast<StatusCode>(code)), errors_[code]);
      }
    }
    JsonLine line;
    line.add("calls", times_.count()).add("seconds", seconds).add("calls_per_s", rate);
    line.add("concurrency", concurrency_);
    line.add("least_ms", in_milliseconds(times_.least()));
    line.add("mean_ms", in_milliseconds(times_.mean()));
    for (std::size_t i = 0; i < std::size(kShares); ++i) {
      line.add(std::string(kShareNames[i]) + "_ms", in_milliseconds(times_.quantile(kShares[i])));
    }
    line.add("most_ms", in_milliseconds(times_.most())).add_json("errors", errors.text());
    std::cout << line.text() << std::endl;
  }

  int concurrency_ = 1;
  double seconds_ = 5;
  LatencyHistogram times_;
  std::array<std::uint64_t, 17> errors_{};
  std::array<Status, 17> examples_;
  Status first_error_;
  LocalTime begin_{};
  LocalTime loop_now_{};
};

}  // namespace

std::unique_ptr<Command> make_bench_command(CLI::App& program) {
  return std::make_unique<BenchCommand>(program);
}

}  // namespace echostream::tool
