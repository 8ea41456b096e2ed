#include "runtime/transport/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace echostream::transport {

void RateLimit::refill(LocalTime now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  tokens_ = std::min(burst_, tokens_ + std::max(seconds, 0.0) * per_second_);
  last_ = now;
}

bool RateLimit::take(LocalTime now) {
  refill(now);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void RateLimit::give(std::uint64_t amount) {
  tokens_ = std::min(burst_, tokens_ + static_cast<double>(amount));
}

void RateLimit::spend(LocalTime now, std::uint64_t amount) {
  refill(now);
  tokens_ -= static_cast<double>(amount);
}

LocalTime RateLimit::ready_at(LocalTime now) {
  refill(now);
  if (tokens_ >= 1) return now;
  if (per_second_ == 0) return kNever;
  const double nanoseconds = std::ceil((1 - tokens_) / per_second_ * 1e9);
  return now + Duration(static_cast<Duration::rep>(nanoseconds));
}

}  // namespace echostream::transport
