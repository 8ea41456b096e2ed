#include "runtime/plugins/rate_limit/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace echostream::rate_limit {
namespace {

// 36 years: sums of a few of these stay within int64.
constexpr double kMostNanoseconds = 1.15e18;

Duration rounded_up(double nanoseconds) {
  // What is a whole number but for the rounding of its factors counts as that.
  const double whole = std::round(nanoseconds);
  const bool is_whole = std::abs(nanoseconds - whole) <= 1e-12 * whole;
  const double up = is_whole ? whole : std::ceil(nanoseconds);
  return Duration(static_cast<Duration::rep>(std::min(up, kMostNanoseconds)));
}

}  // namespace

BucketRate::BucketRate(double per_second, double burst)
    : nanoseconds_per_token_(1e9 / per_second), depth_(rounded_up(burst * 1e9 / per_second)) {}

Duration BucketRate::time_of(std::uint64_t tokens) const {
  return rounded_up(nanoseconds_per_token_ * static_cast<double>(tokens));
}

Duration TokenBucket::wait_for(LocalTime now, const BucketRate& rate, Duration cost) const {
  // The earliest time at which the bucket holds the cost (all that it can hold, if that is less).
  const LocalTime enough = full_at_ + std::min(cost, rate.depth()) - rate.depth();
  return std::max(enough - now, Duration::zero());
}

Duration TokenBucket::take(LocalTime now, const BucketRate& rate, std::uint64_t tokens) {
  full_at_ = std::max(full_at_, now);
  const Duration cost = rate.time_of(tokens);
  const Duration wait = wait_for(now, rate, cost);
  if (wait == Duration::zero()) full_at_ += cost;
  return wait;
}

Duration TokenBucket::reserve(LocalTime now, const BucketRate& rate, std::uint64_t tokens) {
  full_at_ = std::max(full_at_, now);
  const Duration cost = rate.time_of(tokens);
  const Duration wait = wait_for(now, rate, cost);
  full_at_ += cost;
  return wait;
}

void TokenBucket::give_back(const BucketRate& rate, std::uint64_t tokens) {
  const Duration cost = rate.time_of(tokens);
  full_at_ = full_at_ > LocalTime::min() + cost ? full_at_ - cost : LocalTime::min();
}

}  // namespace echostream::rate_limit
