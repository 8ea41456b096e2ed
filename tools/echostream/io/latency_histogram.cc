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
  double before = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const auto here = static_cast<double>(buckets_[bucket]);
    if (before + here < wanted) {
      before += here;
      continue;
    }
    // As if they were spread evenly over the bucket.
    const double begin = bucket == 0 ? 0 : static_cast<double>(end_of(bucket - 1)) + 1;
    const double width = static_cast<double>(end_of(bucket)) - begin;
    const double time = begin + width * (wanted - before) / here;
    if (time >= static_cast<double>(most_.count())) return most_;
    return std::max(Duration(static_cast<Duration::rep>(time)), least_);
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
