#include "discovery/avahi/worker_thread.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace echostream::discovery {
namespace {

// What is published takes kLeavingTime to leave; ordinary calls of the daemon take a millisecond.
constexpr std::chrono::milliseconds kMostWait(300);

}  // namespace

Result<std::unique_ptr<WorkerThread>> WorkerThread::start(UniqueFunction<void()> wake) {
  auto loop = make_loop();
  if (!loop) return std::move(loop).error();
  auto shared = std::make_shared<Shared>(std::move(wake));
  shared->loop = *std::move(loop);
  std::unique_ptr<WorkerThread> started(new WorkerThread(shared));
  started->post([](Worker& worker) { worker.connect(); });
  try {
    started->thread_ = std::thread([shared = std::move(shared)] { run(shared); });
  } catch (const std::system_error& error) {
    return Status(StatusCode::kUnavailable,
                  std::string("the system gives no thread for avahi: ") + error.what());
  }
  return started;
}

void WorkerThread::run(const std::shared_ptr<Shared>& shared) {
  {
    Worker worker(*shared->loop, shared->inbox);
    shared->worker = &worker;
    shared->loop->run();
  }
  shared->ended.set_value();
}

WorkerThread::~WorkerThread() {
  shared_->inbox.close();
  post([](Worker& worker) { worker.finish(); });
  if (!thread_.joinable()) return;
  if (shared_->ended.get_future().wait_for(kMostWait) == std::future_status::ready) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void WorkerThread::post(UniqueFunction<void(Worker&)> command) {
  // The loop is the Shared's own, and runs nothing when that is gone.
  Shared* shared = shared_.get();
  shared->loop->post([shared, command = std::move(command)]() mutable {
    command(*shared->worker);
    shared->inbox.put_done();
  });
}

}  // namespace echostream::discovery
