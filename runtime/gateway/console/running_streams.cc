#include "runtime/gateway/console/running_streams.h"

#include <utility>

namespace echostream::gateway {
namespace {

constexpr Duration kWindow = std::chrono::seconds(1);
// After that long without a message the last window says nothing any more.
constexpr Duration kStale = 2 * kWindow;

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

class StreamFilter final : public MessageFilter {
 public:
  explicit StreamFilter(std::shared_ptr<StreamFigures> figures) noexcept
      : figures_(std::move(figures)) {}
  Status on_message(CallMessage& message) override {
    const bool is_sent = message.direction == CallMessage::Direction::kSent;
    (is_sent ? figures_->sent : figures_->received).add(message.time, message.bytes.size());
    if (!is_sent) {
      figures_->frames_lost += message.lost_before;
      if (message.latency) figures_->latency = message.latency;
    }
    return Status::ok();
  }

 private:
  const std::shared_ptr<StreamFigures> figures_;
};

Task<Status> watch_stream(std::shared_ptr<RunningStreams> streams, InterceptedCall& call,
                          Next next) {
  const RunningStream running(std::move(streams), call);
  Status status = co_await next();
  co_return std::move(status);
}

}  // namespace

void FlowMeter::add(LocalTime at, std::size_t bytes) noexcept {
  ++messages_;
  bytes_ += bytes;
  if (window_.messages == 0 && messages_ == 1) window_.from = at;
  if (const Duration since = at - window_.from; since >= kWindow) {
    messages_per_s_ = static_cast<double>(window_.messages) / in_seconds(since);
    bytes_per_s_ = static_cast<double>(window_.bytes) / in_seconds(since);
    window_ = {at, 0, 0};
  }
  ++window_.messages;
  window_.bytes += bytes;
}

double FlowMeter::per_second(LocalTime now, std::uint64_t Window::*count,
                             double last) const noexcept {
  const Duration since = now - window_.from;
  if (messages_ == 0 || since < kStale) return last;
  return static_cast<double>(window_.*count) / in_seconds(since);
}

double FlowMeter::messages_per_s(LocalTime now) const noexcept {
  return per_second(now, &Window::messages, messages_per_s_);
}

double FlowMeter::bytes_per_s(LocalTime now) const noexcept {
  return per_second(now, &Window::bytes, bytes_per_s_);
}

RunningStream::RunningStream(std::shared_ptr<RunningStreams> among, InterceptedCall& call)
    : among_(std::move(among)),
      id_(++among_->last_),
      call_(call),
      figures_(std::make_shared<StreamFigures>()) {
  call.add_filter(std::make_unique<StreamFilter>(figures_));
  among_->streams_.emplace(id_, this);
}

RunningStream::~RunningStream() { among_->streams_.erase(id_); }

bool StreamWatch::wants(const MethodInfo& method, InterceptedCall::Side) const {
  if (method.kind != MethodKind::kStream && method.kind != MethodKind::kPublished) return false;
  return method.full_name.substr(0, method.full_name.find('/')) != but_service_;
}

Task<Status> StreamWatch::call(InterceptedCall& call, Next next) {
  return watch_stream(streams_, call, next);
}

Task<Status> StreamWatch::serve(InterceptedCall& call, Next next) {
  return watch_stream(streams_, call, next);
}

}  // namespace echostream::gateway
