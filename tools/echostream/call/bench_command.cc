// echostream bench: how fast a node answers.
#include <array>
#include <cstdio>
#include <iostream>
#include <string>

#include "echostream/base/task_group.h"

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/message_source.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/io/latency_histogram.h"
#include "tools/echostream/options.h"
#include "tools/echostream/remote/remote_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kBenchExplanation =
    R"(Calls an rpc again and again, --concurrency calls at a time over one session, and says how many a second were
answered and how long they took. It loads the node: ask whoever runs it. Calls that fail are counted by their
status; exit code 64 + the commonest of these when there were any.

Example:
  echostream bench 192.0.2.7:4433 Robot/State -d '{}' --concurrency 16 --seconds 10 --fingerprint 4f2a...)";

constexpr double kShares[] = {0.5, 0.9, 0.99, 0.999};
constexpr const char* kShareNames[] = {"p50", "p90", "p99", "p99.9"};

class BenchCommand final : public RemoteCommand {
 public:
  explicit BenchCommand(CLI::App& program)
      : RemoteCommand(*program.add_subcommand("bench", "Measure how fast a node answers"),
                      kBenchExplanation) {
    app().add_option("METHOD", method_, "package.Service/Method")->required();
    app().add_option("-d,--data", data_,
                     "the request: JSON, @FILE, or - for what is piped in [{}]");
    app()
        .add_option("--concurrency", concurrency_, "calls at a time")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app()
        .add_option("--seconds", seconds_, "how long")
        ->check(CLI::Range(0.01, 86'400.0))
        ->capture_default_str();
    dial_options().add_call_options();
  }

 private:
  Status check() override {
    auto source = MessageSource::open(data_);
    if (!source) return source.error();
    source_.emplace(*std::move(source));
    return Status::ok();
  }

  Task<Status> use(Loop& loop, Remote& remote) override {
    auto schema = co_await dial_options().schema(remote);
    if (!schema) co_return schema.error();
    auto method = schema->find_method(method_);
    if (!method) co_return method.error();
    if ((*method)->info.kind != MethodKind::kRpc) {
      co_return Status(StatusCode::kInvalidArgument, (*method)->full_name + " is no rpc");
    }
    auto request = co_await source_->only(loop, *schema, **method);
    if (!request) co_return request.error();
    begin_ = loop.now();
    loop_ = &loop;
    const LocalTime end = deadline_after(
        begin_, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_)));
    {
      TaskGroup callers(loop);
      for (int i = 0; i < concurrency_; ++i) {
        callers.spawn(call_always(loop, remote, **method, *request, end));
      }
      (void)co_await callers.join();
    }
    show(loop.now() - begin_);
    co_return call_ended(*schema, commonest_error());
  }

  Status stopped() override {
    if (loop_ != nullptr) show(loop_now_ - begin_);
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
  }

  Status commonest_error() const {
    std::size_t most = 0;
    for (std::size_t code = 1; code < errors_.size(); ++code) {
      if (errors_[code] > errors_[most]) most = code;
    }
    return examples_[most];
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

  std::string method_;
  std::string data_;
  int concurrency_ = 1;
  double seconds_ = 5;
  std::optional<MessageSource> source_;
  LatencyHistogram times_;
  std::array<std::uint64_t, 17> errors_{};
  std::array<Status, 17> examples_;
  Loop* loop_ = nullptr;
  LocalTime begin_{};
  LocalTime loop_now_{};
};

}  // namespace

std::unique_ptr<Command> make_bench_command(CLI::App& program) {
  return std::make_unique<BenchCommand>(program);
}

}  // namespace echostream::tool
