#include "runtime/transport/strike_register.h"

namespace echostream::transport {

bool StrikeRegister::use(WallTime now, const TicketId& id) {
  const std::lock_guard lock(mutex_);
  // A clock that is set back keeps uses for longer, never for less.
  while (!uses_.empty() && uses_.front().forget_at <= now) {
    known_.erase(uses_.front().id);
    uses_.pop_front();
  }
  if (known_.size() >= options_.most || !known_.insert(id).second) return false;
  uses_.push_back({now + options_.window, id});
  return true;
}

std::size_t StrikeRegister::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace echostream::transport
