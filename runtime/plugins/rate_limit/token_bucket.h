// The generic cell rate algorithm (ITU-T I.371): a token bucket that is one time stamp.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::rate_limit {

/// How fast a bucket fills, and how much it holds.
class BucketRate {
 public:
  /// Both more than 0 and at most 10^9; tokens.
  BucketRate(double per_second, double burst);
  /// Rounded up to nanoseconds, so never more than the rate comes through.
  Duration time_of(std::uint64_t tokens) const;
  /// From empty to full.
  Duration depth() const { return depth_; }

 private:
  double nanoseconds_per_token_;
  Duration depth_;
};

/// The state of one bucket: when it will be full. A new one is full.
class TokenBucket {
 public:
  /// Takes `tokens` when they are there: zero. Otherwise nothing is taken, and the answer is how
  /// long it takes until they are. More than a bucket holds are never there; they are taken from a
  /// full one, which then fills for longer, so that a large message passes at its rate.
  Duration take(LocalTime now, const BucketRate& rate, std::uint64_t tokens = 1);
  /// Takes them in any case, in advance: the answer is how long until they would have been there.
  Duration reserve(LocalTime now, const BucketRate& rate, std::uint64_t tokens = 1);
  /// What was taken was not used.
  void give_back(const BucketRate& rate, std::uint64_t tokens = 1);
  /// Nothing need be remembered of it.
  bool is_full(LocalTime now) const { return full_at_ <= now; }

 private:
  Duration wait_for(LocalTime now, const BucketRate& rate, Duration cost) const;
  LocalTime full_at_ = LocalTime::min();
};

}  // namespace echostream::rate_limit
