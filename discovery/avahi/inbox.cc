#include "discovery/avahi/inbox.h"

#include <utility>

namespace echostream::discovery {

void Inbox::wake() {
  if (is_awake_ || !wake_) return;
  is_awake_ = true;
  wake_();
}

void Inbox::put_daemon_status(Status status) {
  const std::lock_guard lock(mutex_);
  if (!status.is_ok()) {
    contents_.lost = status;
    contents_.news.clear();
  }
  contents_.status = std::move(status);
  wake();
}

void Inbox::put_done() {
  const std::lock_guard lock(mutex_);
  ++contents_.done;
  wake();
}

void Inbox::put_status(OperationId id, Status status) {
  const std::lock_guard lock(mutex_);
  contents_.news[id].status = std::move(status);
  wake();
}

void Inbox::put_event(OperationId id, const InstanceEvent& event) {
  const std::lock_guard lock(mutex_);
  News& news = contents_.news[id];
  if (event.kind == InstanceEvent::Kind::kAllForNow) {
    news.is_all_for_now = true;
  } else {
    const bool has_appeared = event.kind == InstanceEvent::Kind::kAppeared;
    const auto [found, is_new] = news.instances.emplace(event.instance, has_appeared);
    // Came and went, or went and came back, while nobody looked.
    if (!is_new && found->second != has_appeared) news.instances.erase(found);
  }
  wake();
}

void Inbox::put_resolved(OperationId id, ResolvedInstance resolved) {
  const std::lock_guard lock(mutex_);
  contents_.news[id].resolved = std::move(resolved);
  wake();
}

Inbox::Contents Inbox::take() {
  const std::lock_guard lock(mutex_);
  is_awake_ = false;
  return std::exchange(contents_, {});
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

}  // namespace echostream::discovery
