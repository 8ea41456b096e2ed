// echostream ping: how well a node is reached.
#include <iostream>
#include <optional>
#include <string>

#include "echostream/base/wait.h"

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/stream_figures.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/io/latency_histogram.h"
#include "tools/echostream/options.h"
#include "tools/echostream/remote/remote_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kPingExplanation =
    R"(Connects, and says how long that took, who the node is, and then for each ping how long it took. A ping is a call
of a method that nobody serves: the node's program answers that it has none. The rtt is the transport's own
figure, without the programs. At the end stand the clock of the node against ours and how far that may be wrong.
Over HTTP/3 (https://) a ping is a request OPTIONS *, which any server answers somehow; of rtt and clock nothing is
known.

Examples:
  echostream ping 192.0.2.7:4433 --fingerprint 4f2a...
  echostream ping camera.example:4433 --ca ca.pem --count 20 --interval 100 --json
  echostream ping https://camera.example --ca ca.pem)";

constexpr Duration kPingLimit = std::chrono::seconds(10);

class PingCommand final : public RemoteCommand {
 public:
  explicit PingCommand(CLI::App& program)
      : RemoteCommand(*program.add_subcommand("ping", "Say how well a node is reached"),
                      kPingExplanation) {
    app()
        .add_option("-c,--count", count_, "pings; 0: until it is stopped")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    add_milliseconds(app(), "--interval", interval_, 1, "between two of them [1000]");
  }

 private:
  Task<Status> use(Loop& loop, Remote& remote) override {
    const auto session = remote.session();
    has_session_ = session.has_value();
    show_connected(remote);
    for (int i = 0; count_ == 0 || i < count_; ++i) {
      if (i > 0) (void)co_await sleep_for(interval_);
      const LocalTime begin = loop.now();
      Status answered = co_await remote.ping(kPingLimit);
      if (!answered.is_ok()) {
        co_return std::move(answered).with_context("ping " + std::to_string(i + 1));
      }
      const Duration time = loop.now() - begin;
      pings_.add(time);
      if (session) {
        stats_ = session->stats();
        clock_ = session->clock().estimate();
      }
      show_ping(i + 1, time);
    }
    show_summary();
    co_return Status::ok();
  }

  Status stopped() override {
    if (pings_.count() > 0) show_summary();
    return Status::ok();
  }

  void show_connected(const Remote& remote) {
    is_resumed_ = remote.is_resumed();
    const auto fingerprint = remote.fingerprint();
    const std::string shown = fingerprint ? fingerprint->to_string() : "";
    const std::string address = remote.remote_address().to_string();
    if (wants_json()) {
      JsonLine line;
      line.add("event", "connected").add("address", address);
      line.add("protocol", remote.protocol());
      line.add("handshake_ms", in_milliseconds(remote.handshake_time()));
      line.add("resumed", is_resumed_).add("fingerprint", shown);
      std::cout << line.text() << std::endl;
      return;
    }
    std::cout << "connected to " << address << " in " << milliseconds_text(remote.handshake_time())
              << (is_resumed_ ? " (resumed)" : " (full handshake)")
              << (has_session_ ? "" : " by HTTP/3") << "\nfingerprint " << shown << std::endl;
  }

  void show_ping(int number, Duration time) const {
    if (wants_json()) {
      JsonLine line;
      line.add("event", "ping").add("number", number).add("time_ms", in_milliseconds(time));
      if (has_session_) line.add("rtt_ms", in_milliseconds(stats_.latest_rtt));
      std::cout << line.text() << std::endl;
      return;
    }
    std::cout << "ping " << number << "  " << milliseconds_text(time);
    if (has_session_) std::cout << "  rtt " << milliseconds_text(stats_.latest_rtt);
    std::cout << std::endl;
  }

  void show_summary() const {
    if (wants_json()) {
      show_json_summary();
      return;
    }
    std::cout << pings_.count() << (pings_.count() == 1 ? " ping" : " pings") << "  least "
              << milliseconds_text(pings_.least()) << ", median "
              << milliseconds_text(pings_.quantile(0.5)) << ", mean "
              << milliseconds_text(pings_.mean()) << ", most " << milliseconds_text(pings_.most())
              << std::endl;
    if (!has_session_) return;
    std::cout << "rtt  least " << milliseconds_text(stats_.least_rtt) << ", smoothed "
              << milliseconds_text(stats_.smoothed_rtt) << ", varies by "
              << milliseconds_text(stats_.rtt_variation) << "\npath  MTU " << stats_.path_mtu_bytes
              << " bytes\n";
    if (clock_.samples == 0) {
      std::cout << "clock  not known" << std::endl;
      return;
    }
    std::cout << "clock  " << to_string(clock_.state) << ", offset "
              << milliseconds_text(clock_.offset) << ", wrong by at most "
              << milliseconds_text(clock_.bound) << ", probably by "
              << milliseconds_text(clock_.estimated_error) << std::endl;
  }

  void show_json_summary() const {
    JsonLine line;
    line.add("event", "summary").add("pings", pings_.count());
    line.add("least_ms", in_milliseconds(pings_.least()));
    line.add("median_ms", in_milliseconds(pings_.quantile(0.5)));
    line.add("mean_ms", in_milliseconds(pings_.mean()));
    line.add("most_ms", in_milliseconds(pings_.most()));
    if (has_session_) add_session(line);
    std::cout << line.text() << std::endl;
  }

  void add_session(JsonLine& line) const {
    line.add("least_rtt_ms", in_milliseconds(stats_.least_rtt));
    line.add("smoothed_rtt_ms", in_milliseconds(stats_.smoothed_rtt));
    line.add("path_mtu_bytes", stats_.path_mtu_bytes).add("resumed", is_resumed_);
    if (clock_.samples == 0) {
      line.add_null("clock");
    } else {
      JsonLine clock;
      clock.add("state", to_string(clock_.state));
      clock.add("offset_ms", in_milliseconds(clock_.offset));
      clock.add("bound_ms", in_milliseconds(clock_.bound));
      clock.add("estimated_error_ms", in_milliseconds(clock_.estimated_error));
      clock.add("skew_ppm", clock_.skew_ppm);
      line.add_json("clock", clock.text());
    }
  }

  int count_ = 5;
  Duration interval_ = std::chrono::seconds(1);
  LatencyHistogram pings_;
  SessionStats stats_;
  ClockEstimate clock_;
  bool has_session_ = false;
  bool is_resumed_ = false;
};

}  // namespace

std::unique_ptr<Command> make_ping_command(CLI::App& program) {
  return std::make_unique<PingCommand>(program);
}

}  // namespace echostream::tool
