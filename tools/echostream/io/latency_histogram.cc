#include "tools/echostream/io/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace echostream::tool {

void LatencyHistogram::add(Duration time) {
  time = std::max(time, Duration::zero());
  ++buckets_[bucket_of(static_cast<std::uint64_t>(time.count()))];
  ++count_;
  sum_ += static_cast<double>(time.count());
  least_ = std::min(least_, time);
  most_ = std::max(most_, time);
}

Duration LatencyHistogram::quantile(double share) const {
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
  if (wanted <= 1) return least();
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen == 0 || static_cast<double>(seen) < wanted) continue;
    const auto end = static_cast<Duration::rep>(end_of(bucket));
    return std::clamp(Duration(end), least_, most_);
  }
  return most_;
}

Duration LatencyHistogram::mean() const {
  if (count_ == 0) return {};
  return Duration(static_cast<Duration::rep>(sum_ / static_cast<double>(count_)));
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) {
  if (nanoseconds < 64) return nanoseconds;
  // The first bit, which is set, and five more.
  const auto power = static_cast<std::size_t>(std::bit_width(nanoseconds)) - 1;
  return 64 + 32 * (power - 6) + (nanoseconds >> (power - 5)) - 32;
}

std::uint64_t LatencyHistogram::end_of(std::size_t bucket) {
  if (bucket < 64) return bucket;
  const std::size_t power = (bucket - 64) / 32 + 6;
  const std::uint64_t bits = (bucket - 64) % 32 + 32;
  return ((bits + 1) << (power - 5)) - 1;
}

double in_milliseconds(Duration time) { return static_cast<double>(time.count()) / 1e6; }

std::string milliseconds_text(Duration time) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f ms", in_milliseconds(time));
  return text;
}

}  // namespace echostream::tool
