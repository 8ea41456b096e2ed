#include "runtime/plugins/health/health_board.h"

#include <algorithm>

namespace echostream::internal {

std::optional<Health> HealthBoard::of(std::string_view service) const {
  const auto found = services_.find(service);
  if (found == services_.end()) return std::nullopt;
  return is_draining_ ? Health::kNotServing : found->second;
}

void HealthBoard::set(std::string_view service, Health health) {
  services_.insert_or_assign(std::string(service), health);
  changed_.notify_all();
}

void HealthBoard::add(std::string_view service) {
  if (services_.try_emplace(std::string(service), Health::kServing).second) changed_.notify_all();
}

void HealthBoard::drain() {
  is_draining_ = true;
  changed_.notify_all();
}

void HealthBoard::end_watches() {
  watches_have_ended_ = true;
  changed_.notify_all();
}

Status HealthBoard::enter(const Session& session) {
  if (watching_.size() >= options_.max_watches) {
    return {StatusCode::kResourceExhausted, "this node's health is watched by " +
                                                std::to_string(watching_.size()) +
                                                " already; ask with Check, or later"};
  }
  const auto own = std::count(watching_.begin(), watching_.end(), session);
  if (static_cast<std::size_t>(own) >= options_.max_watches_per_session) {
    return {StatusCode::kResourceExhausted, "this session has " + std::to_string(own) +
                                                " watches, and may have no more; end one first"};
  }
  watching_.push_back(session);
  return Status::ok();
}

void HealthBoard::leave(const Session& session) {
  const auto found = std::find(watching_.begin(), watching_.end(), session);
  if (found != watching_.end()) watching_.erase(found);
}

}  // namespace echostream::internal
