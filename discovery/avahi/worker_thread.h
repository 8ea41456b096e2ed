// The thread of a Worker. A daemon that hangs holds it for as long as D-Bus waits for an answer, 25
// seconds: nobody waits for it that long.
#pragma once

#include <future>
#include <memory>
#include <thread>

#include "echostream/base/result.h"
#include "echostream/base/unique_function.h"
#include "echostream/loop.h"

#include "discovery/avahi/inbox.h"
#include "discovery/avahi/worker.h"

namespace echostream::discovery {

class WorkerThread {
 public:
  /// Starts it, and lets the Worker connect. UNAVAILABLE when the system has no room for it.
  /// `wake`: see Inbox.
  static Result<std::unique_ptr<WorkerThread>> start(UniqueFunction<void()> wake);
  /// Lets the Worker finish, which takes kLeavingTime when something is published. Waits for it
  /// for 300 ms at most: when the thread is held, it ends later by itself, and touches nothing of
  /// ours.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  /// Carries out `command` there. Each is counted in the inbox, the first connect() as well.
  void post(UniqueFunction<void(Worker&)> command);
  Inbox& inbox() { return shared_->inbox; }

 private:
  // What the thread needs for as long as it runs.
  struct Shared {
    explicit Shared(UniqueFunction<void()> wake) : inbox(std::move(wake)) {}
    std::unique_ptr<Loop> loop;
    Inbox inbox;
    Worker* worker = nullptr;
    std::promise<void> ended;
  };
  explicit WorkerThread(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void run(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace echostream::discovery
