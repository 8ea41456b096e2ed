#include "runtime/plugins/timeout/idle_watch.h"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"

namespace echostream::timeout {
namespace {

// Shared by the filter, which may outlive the layer, and the layer.
struct LastMessage {
  LocalTime at{};
};

class IdleFilter final : public MessageFilter {
 public:
  IdleFilter(const Executor& executor, std::shared_ptr<LastMessage> last)
      : executor_(executor), last_(std::move(last)) {}
  Status on_message(CallMessage&) override {
    last_->at = executor_.now();
    return Status::ok();
  }

 private:
  const Executor& executor_;
  std::shared_ptr<LastMessage> last_;
};

// How the stream ended, when it did so by itself.
struct Ending {
  std::optional<Status> status;
  std::exception_ptr thrown;
  WaitPoint point;
};

// Owned by a group that `ending` outlives.
Task<void> run_to_end(Next next, Ending& ending) {
  try {
    ending.status = co_await next();
  } catch (...) {
    ending.thrown = std::current_exception();
  }
  ending.point.notify_all();
}

}  // namespace

Task<Status> run_until_idle(InterceptedCall& call, Next next, Duration idle) {
  const internal::TaskContext context = co_await internal::current_context();
  Executor& executor = call.executor();
  auto last = std::make_shared<LastMessage>();
  last->at = executor.now();
  call.add_filter(std::make_unique<IdleFilter>(executor, last));
  Ending ending;
  TaskGroup group(executor);
  group.spawn(run_to_end(next, ending), context.call);
  while (!ending.status && !ending.thrown) {
    const LocalTime idle_at = deadline_after(last->at, idle);
    if (executor.now() >= idle_at) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(idle).count();
      co_return Status(StatusCode::kDeadlineExceeded,
                       "no message on this stream for " + std::to_string(ms) + " ms");
    }
    // A stream that is cancelled ends by itself.
    (void)co_await ending.point.wait_through_cancel(idle_at);
  }
  if (ending.thrown) std::rethrow_exception(ending.thrown);
  co_return *std::move(ending.status);
}

}  // namespace echostream::timeout
