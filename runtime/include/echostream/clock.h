// The clocks of two nodes in step: what is known of the other one's, how well, and what follows.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream {

enum class ClockState : std::uint8_t {
  kAcquiring,    // too few exchanges to know the rate
  kTracking,     // in step
  kHoldover,     // nothing heard for some seconds: predicted, and the bound grows
  kPathChanged,  // the network's delay has just changed: measured anew, with a wider bound
  kUnreliable,   // the peer's stamps contradict each other; they are not followed
};

/// What one node knows of another's monotonic clock at one moment.
struct ClockEstimate {
  ClockState state = ClockState::kAcquiring;
  /// Exchanges that were used. 0: nothing is known, and the rest means nothing.
  std::uint64_t samples = 0;
  /// Remote time minus local time, both since their epochs.
  Duration offset{};
  /// How much faster the remote clock runs, in parts per million.
  double skew_ppm = 0;
  /// The true offset is no further away than this whatever the path does, as long as the stamps
  /// are true. At least half of the round trip's least time: half of a path's asymmetry cannot be
  /// seen from its ends.
  Duration bound{};
  /// The error to expect if both directions of the path take the same least time.
  Duration estimated_error{};
  Duration least_rtt{};
  LocalTime last_update{};
};

/// Time between a stamp at the peer and an event here.
struct Latency {
  Duration value{};
  /// The truth is within value +- bound (ClockEstimate::bound).
  Duration bound{};
  Duration estimated_error{};
};

/// A position in a stream's content by the source's own clock: samples, ticks, frame numbers, as a
/// time since the content's beginning.
using MediaTime = std::chrono::time_point<internal::ClockTag<3>, Duration>;

/// Ties a stream's content to its sender's clock: at `captured` the content stood at `media`, and
/// it advances `rate` times as fast as that clock. Made by whoever knows the source, for example
/// from the count of samples and the capture times of a sound card's buffers.
template <class TimePoint>
struct MediaTimeline {
  MediaTime media{};
  TimePoint captured{};
  double rate = 1;

  TimePoint time_of(MediaTime position) const {
    return captured + scaled(position - media, 1 / rate);
  }
  MediaTime media_at(TimePoint time) const { return media + scaled(time - captured, rate); }

 private:
  // The excess alone is multiplied: a double holds hours in nanoseconds only just.
  static Duration scaled(Duration time, double factor) {
    return time +
           Duration(static_cast<Duration::rep>(static_cast<double>(time.count()) * (factor - 1)));
  }
};

/// The time that nodes which share a clock agree on: Node::clock().
using NodeTime = std::chrono::time_point<internal::ClockTag<4>, Duration>;

/// What a node knows of the time that it shares with others.
struct NodeClockEstimate {
  /// kAcquiring: the reference's time is not known yet. kHoldover: nothing is heard of it any more.
  /// kUnreliable: measurements contradict each other, and which one is wrong cannot be told.
  ClockState state = ClockState::kAcquiring;
  std::uint64_t reference = 0;
  /// Times of different scales have nothing to do with each other.
  std::uint64_t timescale = 0;
  std::uint32_t hops = 0;
  /// Shared time minus local time.
  Duration offset{};
  double skew_ppm = 0;
  Duration bound{};
  Duration estimated_error{};
  LocalTime last_update{};
};

}  // namespace echostream
