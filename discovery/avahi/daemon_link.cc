#include "discovery/avahi/daemon_link.h"

#include <chrono>
#include <utility>

#include "discovery/avahi/errors.h"
#include "discovery/avahi/records.h"

namespace echostream::discovery {
namespace {

// For each command; see make_system_dns_sd().
constexpr Duration kMostPatience = std::chrono::seconds(2);
constexpr Duration kRestartPause = std::chrono::seconds(1);

}  // namespace

void DaemonLink::start() {
  // Called on the worker's thread.
  auto wake = [&loop = loop_, weak = weak_from_this()] {
    loop.post([weak] {
      if (const auto self = weak.lock()) self->loop_.schedule(self->wake_);
    });
  };
  auto started = WorkerThread::start(std::move(wake));
  if (!started) {
    daemon_status_ = started.error();
    loop_.schedule(wake_);
    loop_.arm(restart_, loop_.now() + kRestartPause);
    return;
  }
  thread_ = *std::move(started);
  ++sent_;
  watch_progress();
}

void DaemonLink::close() {
  for (const auto& [id, operation] : operations_) operation->has_ended = true;
  for (const auto& [id, watch] : watches_) watch->has_ended = true;
  // What callbacks own may call in here when it is destroyed.
  const auto operations = std::exchange(operations_, {});
  const auto watches = std::exchange(watches_, {});
  refused_.clear();
  progress_.disarm();
  restart_.disarm();
  thread_.reset();
}

OperationId DaemonLink::watch(DnsSd::StatusCallback callback) {
  const OperationId id = ++last_id_;
  watches_[id] = std::make_shared<StatusWatch>(StatusWatch{std::move(callback), std::nullopt});
  loop_.schedule(wake_);
  return id;
}

OperationId DaemonLink::begin(std::shared_ptr<Operation> operation) {
  if (status_ && !status_->is_ok()) return refuse(std::move(operation), *status_);
  const OperationId id = ++last_id_;
  Operation& added = *(operations_[id] = std::move(operation));
  if (status_) {
    added.has_begun = true;
    send(added.beginning(id));
  }
  return id;
}

OperationId DaemonLink::refuse(std::shared_ptr<Operation> operation, Status error) {
  const OperationId id = ++last_id_;
  operations_[id] = std::move(operation);
  refused_.emplace_back(id, std::move(error));
  loop_.schedule(wake_);
  return id;
}

void DaemonLink::update(OperationId id, const Registration& registration) {
  const auto found = operations_.find(id);
  if (found == operations_.end()) return;
  const Status error = check_registration(registration);
  if (!error.is_ok()) {
    refused_.emplace_back(id, error);
    return loop_.schedule(wake_);
  }
  if (found->second->has_begun) {
    return send([id, registration](Worker& worker) { worker.update(id, registration); });
  }
  static_cast<PublishOperation&>(*found->second).set_registration(registration);
}

void DaemonLink::end(OperationId id) {
  if (const auto watch = watches_.extract(id)) watch.mapped()->has_ended = true;
  const auto operation = operations_.extract(id);
  if (!operation) return;
  operation.mapped()->has_ended = true;
  if (operation.mapped()->has_begun) send([id](Worker& worker) { worker.end(id); });
}

void DaemonLink::send(UniqueFunction<void(Worker&)> command) {
  if (thread_ == nullptr) return;
  ++sent_;
  thread_->post(std::move(command));
  watch_progress();
}

void DaemonLink::watch_progress() {
  if (done_ == sent_) {
    progress_.disarm();
  } else if (!progress_.is_armed()) {
    loop_.arm(progress_, loop_.now() + kMostPatience);
  }
}

void DaemonLink::on_no_progress() {
  // When it was this loop that stood still, look() finds what was done meanwhile.
  hangs_ = true;
  loop_.schedule(wake_);
}

void DaemonLink::look() {
  const auto self = shared_from_this();
  fail_refused();
  if (thread_ != nullptr) {
    Inbox::Contents contents = thread_->inbox().take();
    if (contents.done > 0) {
      done_ += contents.done;
      hangs_ = false;
      progress_.disarm();
      watch_progress();
    }
    if (contents.lost) {
      daemon_status_ = std::move(contents.lost);
      set_status();
    }
    if (contents.status) daemon_status_ = std::move(contents.status);
    set_status();
    for (auto& [id, news] : contents.news) deliver(id, news);
  } else {
    set_status();
  }
  tell_watches();
}

void DaemonLink::set_status() {
  const std::optional<Status> status = hangs_ ? daemon_hangs() : daemon_status_;
  if (!status || status == status_) return;
  // Those that were begun under the old one have ended by then.
  fail_refused();
  status_ = status;
  if (status->is_ok()) {
    begin_waiting();
  } else {
    end_all();
  }
  tell_watches();
}

void DaemonLink::begin_waiting() {
  for (const auto& [id, operation] : operations_) {
    if (operation->has_begun) continue;
    operation->has_begun = true;
    send(operation->beginning(id));
  }
}

void DaemonLink::end_all() {
  std::vector<OperationId> ids;
  for (const auto& [id, operation] : operations_) ids.push_back(id);
  const Status error = *status_;
  for (const OperationId id : ids) fail(id, error);
}

void DaemonLink::fail_refused() {
  // Not those that callbacks add.
  const auto refused = std::exchange(refused_, {});
  for (const auto& [id, error] : refused) fail(id, error);
}

void DaemonLink::fail(OperationId id, const Status& error) {
  const auto found = operations_.find(id);
  if (found == operations_.end()) return;
  const std::shared_ptr<Operation> operation = found->second;
  end(id);
  operation->fail(error);
}

void DaemonLink::deliver(OperationId id, News& news) {
  const auto found = operations_.find(id);
  if (found == operations_.end()) return;
  const std::shared_ptr<Operation> operation = found->second;
  operation->deliver(news);
  if (news.status && !news.status->is_ok()) fail(id, *news.status);
}

void DaemonLink::tell_watches() {
  if (!status_) return;
  std::vector<std::shared_ptr<StatusWatch>> watches;
  for (const auto& [id, watch] : watches_) watches.push_back(watch);
  const Status status = *status_;
  for (const auto& watch : watches) {
    if (watch->has_ended || watch->told == status) continue;
    watch->told = status;
    watch->callback(status);
  }
}

}  // namespace echostream::discovery
