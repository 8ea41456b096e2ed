#include "discovery/avahi/operations.h"

namespace echostream::discovery {

UniqueFunction<void(Worker&)> PublishOperation::beginning(OperationId id) const {
  return [id, what = registration_](Worker& worker) { worker.publish(id, what); };
}

void PublishOperation::deliver(News& news) {
  if (news.status && news.status->is_ok()) callback_(*news.status);
}

UniqueFunction<void(Worker&)> BrowseOperation::beginning(OperationId id) const {
  return [id, type = type_](Worker& worker) { worker.browse(id, type); };
}

void BrowseOperation::deliver(News& news) {
  for (const auto& [instance, has_appeared] : news.instances) {
    InstanceEvent event;
    event.kind = has_appeared ? InstanceEvent::Kind::kAppeared : InstanceEvent::Kind::kGone;
    event.instance = instance;
    callback_(std::move(event));
    if (has_ended) return;
  }
  if (news.is_all_for_now) callback_(InstanceEvent());
}

UniqueFunction<void(Worker&)> ResolveOperation::beginning(OperationId id) const {
  return [id, instance = instance_](Worker& worker) { worker.resolve(id, instance); };
}

void ResolveOperation::deliver(News& news) {
  if (news.resolved) callback_(*std::move(news.resolved));
}

}  // namespace echostream::discovery
