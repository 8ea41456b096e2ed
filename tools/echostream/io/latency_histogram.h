// How long many things took: quantiles within 3 % in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "echostream/base/time.h"

namespace echostream::tool {

class LatencyHistogram {
 public:
  /// Negative times count as zero.
  void add(Duration time);
  std::uint64_t count() const { return count_; }
  /// `share` of all were at most that long: 0.5, 0.99. Zero when there are none.
  Duration quantile(double share) const;
  Duration least() const { return count_ == 0 ? Duration() : least_; }
  Duration most() const { return most_; }
  Duration mean() const;

 private:
  // A bucket for each value below 64 ns; then 32 to each power of two.
  static constexpr std::size_t kBuckets = 64 + 32 * 57;
  static std::size_t bucket_of(std::uint64_t nanoseconds);
  static std::uint64_t end_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  Duration least_ = Duration::max();
  Duration most_{};
};

/// "1.234 ms".
std::string milliseconds_text(Duration time);
double in_milliseconds(Duration time);

}  // namespace echostream::tool
