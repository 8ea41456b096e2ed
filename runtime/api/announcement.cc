// What a node tells of itself, and who hears when it changes.
#include <utility>

#include "echostream/loop.h"
#include "echostream/plugin.h"

#include "runtime/api/announcement_watches.h"
#include "runtime/api/node_impl.h"

namespace echostream {
namespace internal {

class AnnouncementWatches::Handle final : public Pending {
 public:
  explicit Handle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}

 private:
  std::shared_ptr<Watch> watch_;
};

std::unique_ptr<Pending> AnnouncementWatches::add(std::function<void()> callback) {
  auto watch = std::make_shared<Watch>();
  watch->callback = std::move(callback);
  std::erase_if(watches_, [](const auto& other) { return other.expired(); });
  watches_.push_back(watch);
  return std::make_unique<Handle>(std::move(watch));
}

void AnnouncementWatches::tell() {
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  for (const std::weak_ptr<Watch>& watch : watches_) {
    if (std::exchange(watch.lock()->is_due, true)) continue;
    node_.deferrer.defer([watch] {
      const std::shared_ptr<Watch> kept = watch.lock();
      if (!kept) return;
      kept->is_due = false;
      kept->callback();
    });
  }
}

}  // namespace internal

Announcement Node::announcement(std::string name) const {
  Announcement announcement;
  announcement.name = std::move(name);
  for (const auto& service : impl_->context.registry.services()) {
    announcement.services.emplace_back(service->info().full_name);
  }
  for (const auto& driver : impl_->drivers) {
    if (impl_->shutting_down || driver.get() == impl_->dialler) continue;
    announcement.listening.push_back(driver->local_address());
  }
  if (const auto& identity = impl_->context.options.identity) {
    announcement.fingerprint = identity->fingerprint();
  }
  impl_->plugins.announce(announcement);
  return announcement;
}

std::unique_ptr<Pending> Node::watch_announcement(std::function<void()> callback) {
  return impl_->announcement_watches.add(std::move(callback));
}

}  // namespace echostream
