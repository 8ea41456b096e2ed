#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/middleware.h"
#include "echostream/plugins/recorder.h"

#include "runtime/plugins/recorder/call_recorder.h"
#include "runtime/plugins/recorder/recorder_thread.h"

namespace echostream {
namespace {

using recorder::CallLog;
using recorder::RecorderThread;
using recorder::RecordingClock;
using recorder::RecordingMiddleware;

// At most one log line about lost messages in that time.
constexpr Duration kLogInterval = std::chrono::seconds(10);

Status wrong(std::string_view option, std::string_view allowed) {
  return {StatusCode::kInvalidArgument,
          "RecorderOptions::" + std::string(option) + " must be " + std::string(allowed)};
}

Status check(const RecorderOptions& options) {
  if (options.path.empty()) return wrong("path", "the name of a file");
  if (options.methods.empty())
    return wrong("methods", "one pattern at least; \"*\" is all methods");
  if (options.chunk_bytes < 1024 || options.chunk_bytes > 64 * 1024 * 1024) {
    return wrong("chunk_bytes", "1 KiB to 64 MiB");
  }
  if (options.flush_interval < std::chrono::milliseconds(1) ||
      options.flush_interval > std::chrono::hours(1)) {
    return wrong("flush_interval", "a millisecond to an hour");
  }
  if (options.max_queue_bytes < options.chunk_bytes) {
    return wrong("max_queue_bytes", "at least chunk_bytes");
  }
  if (options.max_file_bytes < options.chunk_bytes) {
    return wrong("max_file_bytes", "at least chunk_bytes");
  }
  if (options.max_file_duration < Duration::zero()) {
    return wrong("max_file_duration", "zero (no limit) or more");
  }
  if (options.max_total_bytes > 0 && options.max_total_bytes < options.max_file_bytes) {
    return wrong("max_total_bytes", "0 (no limit) or at least max_file_bytes");
  }
  if (options.clock_interval < Duration::zero()) {
    return wrong("clock_interval", "zero (never) or more");
  }
  return Status::ok();
}

// Calls back at fixed times, until it is destroyed.
class Repeat final : public TimerNode {
 public:
  Repeat(Executor& executor, Duration interval, UniqueFunction<void(LocalTime)> callback)
      : executor_(executor), interval_(interval), callback_(std::move(callback)) {
    executor_.arm(*this, deadline_after(executor_.now(), interval_));
  }

 private:
  void on_timer(LocalTime now) override {
    executor_.arm(*this, deadline_after(now, interval_));
    callback_(now);
  }
  Executor& executor_;
  Duration interval_;
  UniqueFunction<void(LocalTime)> callback_;
};

// Node::state(): they end with the node, which a program's reference to the plugin may outlive.
struct RecorderTimers {
  std::unique_ptr<Repeat> ticks;
  std::unique_ptr<Repeat> clocks;
};

class Recorder final : public RecorderPlugin {
 public:
  explicit Recorder(const RecorderOptions& options)
      : options_(options), thread_(std::make_shared<RecorderThread>(options)) {}
  ~Recorder() override { thread_->close(); }

  std::string_view name() const override { return "recorder"; }
  std::string_view version() const override { return "1"; }
  bool checks_sessions() const override { return false; }
  RecorderStats stats() const override { return thread_->stats(); }
  void flush() override { thread_->flush(); }

  Task<Status> on_start(Node& node) override {
    Status begun = start(node);
    co_return begun;
  }
  // The rest is written behind the loop's back; the destructor waits for it.
  Task<void> on_stop(Node& node) override {
    node.state().erase<RecorderTimers>();
    thread_->finish();
    co_return;
  }
  void on_session_open(Node&, const Session& session) override {
    if (log_) log_->session_number(session);
  }
  void on_session_closed(Node& node, const Session& session, const Status&,
                         const SessionStats&) override {
    if (!log_) return;
    log_->record_clock(session, node.loop().now());
    log_->handle_session_closed(session);
  }

 private:
  Status start(Node& node);
  void tick(LocalTime now);
  void tell_problems(LocalTime now);
  void record_clocks(LocalTime now);

  const RecorderOptions options_;
  std::shared_ptr<RecorderThread> thread_;
  std::shared_ptr<CallLog> log_;
  Node* node_ = nullptr;
  std::uint64_t told_dropped_ = 0;
  bool told_error_ = false;
  std::optional<LocalTime> told_at_;
};

Status Recorder::start(Node& node) {
  Loop& loop = node.loop();
  const WallTime wall = loop.wall_time();
  std::uint32_t id = 0;
  loop.fill_random({reinterpret_cast<std::uint8_t*>(&id), sizeof id});
  Status begun = thread_->begin(wall, id);
  if (!begun.is_ok()) return begun;
  node_ = &node;
  const RecordingClock clock(loop.now(), wall);
  log_ = std::make_shared<CallLog>(options_, thread_, clock);
  node.add_middleware(std::make_shared<RecordingMiddleware>(log_));
  auto& timers = node.state().emplace<RecorderTimers>();
  timers.ticks =
      std::make_unique<Repeat>(loop, options_.flush_interval, [this](LocalTime now) { tick(now); });
  if (options_.clock_interval > Duration::zero()) {
    timers.clocks = std::make_unique<Repeat>(loop, options_.clock_interval,
                                             [this](LocalTime now) { record_clocks(now); });
  }
  return Status::ok();
}

void Recorder::tick(LocalTime now) {
  thread_->push(recorder::Tick{log_->clock().at(now)});
  tell_problems(now);
}

void Recorder::tell_problems(LocalTime now) {
  const RecorderStats stats = thread_->stats();
  const bool has_error = !stats.error.is_ok();
  if (has_error != told_error_) {
    told_error_ = has_error;
    node_->log(has_error ? LogLevel::kError : LogLevel::kInfo,
               has_error ? "recorder: nothing is recorded any more, it is tried again every ten "
                           "seconds: " +
                               stats.error.to_string()
                         : std::string("recorder: messages are recorded again"));
  }
  if (stats.messages_dropped == told_dropped_) return;
  if (told_at_ && now < *told_at_ + kLogInterval) return;
  node_->log(LogLevel::kWarning,
             "recorder: " + std::to_string(stats.messages_dropped - told_dropped_) +
                 " messages were not recorded" +
                 (has_error ? "" : ": the disk is too slow for them"));
  told_dropped_ = stats.messages_dropped;
  told_at_ = now;
}

void Recorder::record_clocks(LocalTime now) {
  for (const Session& session : node_->sessions()) log_->record_clock(session, now);
}

}  // namespace

Result<std::shared_ptr<RecorderPlugin>> make_recorder_plugin(RecorderOptions options) {
  if (Status checked = check(options); !checked.is_ok()) return checked;
  return std::shared_ptr<RecorderPlugin>(std::make_shared<Recorder>(options));
}

}  // namespace echostream
