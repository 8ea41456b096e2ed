#include "runtime/gateway/console/console_service.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/console.echostream.h"
#include "echostream/node.h"

#include "runtime/api/session_state.h"
#include "runtime/gateway/console/running_streams.h"
#include "runtime/gateway/console/snapshot.h"

namespace echostream::gateway {
namespace {

using console::v1::Snapshot;
using console::v1::WatchRequest;

constexpr std::uint32_t kUsualIntervalMs = 1000;
constexpr std::uint32_t kLeastIntervalMs = 200;
constexpr std::uint32_t kMostIntervalMs = 60'000;
// How soon a watch notices that the node shuts down.
constexpr Duration kMostSleep = std::chrono::milliseconds(250);

Duration interval_of(const WatchRequest& request) {
  const std::uint32_t asked = request.interval_ms() == 0 ? kUsualIntervalMs : request.interval_ms();
  return std::chrono::milliseconds(std::clamp(asked, kLeastIntervalMs, kMostIntervalMs));
}

// Who watches. A watch holds it, and may outlive the service.
class Watchers {
 public:
  Status enter(const Session& session) {
    if (watching_.size() >= kMostWatches) {
      return {StatusCode::kResourceExhausted,
              "this node is watched " + std::to_string(kMostWatches) + " times already; try later"};
    }
    const auto own = std::count(watching_.begin(), watching_.end(), session);
    if (static_cast<std::size_t>(own) >= kMostWatchesPerSession) {
      return {StatusCode::kResourceExhausted, "this session has " + std::to_string(own) +
                                                  " watches, and may have no more; end one first"};
    }
    watching_.push_back(session);
    return Status::ok();
  }
  void leave(const Session& session) {
    const auto found = std::find(watching_.begin(), watching_.end(), session);
    if (found != watching_.end()) watching_.erase(found);
  }

 private:
  std::vector<Session> watching_;
};

class WatcherPlace {
 public:
  WatcherPlace(std::shared_ptr<Watchers> watchers, Session session) noexcept
      : watchers_(std::move(watchers)), session_(std::move(session)) {}
  ~WatcherPlace() { watchers_->leave(session_); }
  WatcherPlace(const WatcherPlace&) = delete;
  WatcherPlace& operator=(const WatcherPlace&) = delete;

 private:
  const std::shared_ptr<Watchers> watchers_;
  const Session session_;
};

// OK when it is time; otherwise how the watch ends.
Task<Status> wait_until(const Session& session, LocalTime time) {
  const Executor& executor = session.impl()->executor();
  for (;;) {
    if (session.impl()->engine().is_draining()) {
      co_return Status(StatusCode::kUnavailable, "the node is shutting down");
    }
    const LocalTime now = executor.now();
    if (now >= time) co_return Status::ok();
    const WaitResult woken = co_await sleep_until(std::min(time, now + kMostSleep));
    if (woken == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the watch was cancelled");
    }
  }
}

class ConsoleService final : public console::v1::Console::Handler {
 public:
  ConsoleService(Node& node, std::shared_ptr<RunningStreams> streams)
      : snapshots_(node, std::move(streams)) {}

  // The node, which destroys handlers before it is gone, owns the service.
  Task<Status> Watch(Call& call, WatchRequest request, Writer<Snapshot> out) override {
    const Session session = call.peer();
    Status entered = watchers_->enter(session);
    if (!entered.is_ok()) co_return entered;
    const WatcherPlace place(watchers_, session);
    const Executor& executor = session.impl()->executor();
    const Duration interval = interval_of(request);
    LocalTime next = executor.now();
    for (;;) {
      Status waited = co_await wait_until(session, next);
      if (!waited.is_ok()) co_return waited;
      const LocalTime now = executor.now();
      const Snapshot snapshot = snapshots_.make(now);
      Status written = co_await out.write(snapshot);
      if (!written.is_ok()) co_return written;
      next = std::max(next + interval, now);
    }
  }

 private:
  SnapshotMaker snapshots_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
};

}  // namespace

Status serve_console(Node& node) {
  auto streams = std::make_shared<RunningStreams>();
  auto service = std::make_shared<ConsoleService>(node, streams);
  const std::string_view name = service->info().full_name;
  Status served = node.serve(std::move(service));
  if (!served.is_ok()) return served;
  node.add_middleware(std::make_shared<StreamWatch>(std::move(streams), name));
  return Status::ok();
}

}  // namespace echostream::gateway
