#include <utility>

#include "echostream/clock.h"
#include "echostream/loop.h"
#include "echostream/node.h"
#include "echostream/plugins/logging.h"

#include "runtime/plugins/logging/log_impl.h"
#include "runtime/plugins/logging/logging_middleware.h"

namespace echostream {
namespace {

using internal::Line;
using internal::LineKind;

std::string_view name_of(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return "acquiring";
    case ClockState::kTracking:
      return "tracking";
    case ClockState::kHoldover:
      return "holdover";
    case ClockState::kPathChanged:
      return "path_changed";
    case ClockState::kUnreliable:
      break;
  }
  return "unreliable";
}

class Logging final : public Plugin {
 public:
  explicit Logging(std::shared_ptr<Log> log) : log_(std::move(log)) {}

  std::string_view name() const override { return "logging"; }
  bool checks_sessions() const override { return false; }

  Task<Status> on_start(Node& node) override {
    write(node, LogLevel::kInfo, LineKind::kNode, "started", [](Line&) {});
    node.add_middleware(std::make_shared<internal::LoggingMiddleware>(node.loop(), log_));
    co_return Status::ok();
  }
  Task<void> on_stop(Node& node) override {
    write(node, LogLevel::kInfo, LineKind::kNode, "stopped", [](Line&) {});
    log_->flush();
    co_return;
  }
  void on_listening(Node& node, const SocketAddress& address) override {
    write(node, LogLevel::kInfo, LineKind::kNode, "listening",
          [&](Line& line) { line.text("address", address.to_string()); });
  }
  void on_session_open(Node& node, const Session& session) override {
    write(node, LogLevel::kInfo, LineKind::kSession, "session_open", [&](Line& line) {
      line.text("peer", session.remote_address().to_string());
      line.text("handshake", session.is_resumed() ? "resumed" : "full");
      if (const auto fingerprint = session.peer_fingerprint()) {
        line.text("fingerprint", fingerprint->to_string());
      }
    });
  }
  void on_session_closed(Node& node, const Session& session, const Status& reason,
                         const SessionStats& stats) override {
    write(node, LogLevel::kInfo, LineKind::kSession, "session_closed", [&](Line& line) {
      line.text("peer", session.remote_address().to_string());
      line.text("code", to_string(reason.code())).text("message", reason.message());
      line.number("sent_bytes", stats.bytes_sent).number("received_bytes", stats.bytes_received);
      line.milliseconds("rtt_ms", stats.smoothed_rtt);
    });
  }
  void on_clock_changed(Node& node, const Session& session,
                        const ClockEstimate& estimate) override {
    write(node, LogLevel::kDebug, LineKind::kClock, "clock", [&](Line& line) {
      line.text("peer", session.remote_address().to_string());
      line.text("state", name_of(estimate.state)).milliseconds("bound_ms", estimate.bound);
    });
  }

 private:
  template <class Describe>
  void write(Node& node, LogLevel level, LineKind kind, std::string_view event,
             Describe&& describe) {
    Log::Impl& log = log_->impl();
    if (!log.wants(level)) return;
    const WallTime now = node.loop().wall_time();
    Line line = log.line(now, level, event);
    describe(line);
    log.write(now, level, kind, std::move(line));
  }
  std::shared_ptr<Log> log_;
};

}  // namespace

std::shared_ptr<Plugin> make_logging_plugin(std::shared_ptr<Log> log) {
  return std::make_shared<Logging>(std::move(log));
}

Result<std::shared_ptr<Plugin>> make_logging_plugin(LoggingOptions options) {
  auto log = Log::open(std::move(options));
  if (!log) return log.error();
  return make_logging_plugin(*std::move(log));
}

}  // namespace echostream
