// Puts a sender's capture stamps on one line, whatever they are.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::timing {

/// Capture times in microseconds since the first frame's. Stamps are believed as long as they can
/// be true. One that cannot (years away, or the sender's clock was set anew) is replaced by what
/// the frames before it let expect, and those after it count from there. Where stamps run much
/// faster or slower than time (they count something else), or are missing (zero), frames count as
/// captured when they would have been had they come without delay. So whatever a hostile peer
/// writes, a frame's capture lies within ten seconds of what its arrival says.
class CaptureTimeline {
 public:
  /// The frame with which everything begins.
  void start(std::uint64_t sequence, RemoteTime capture);

  /// `least_delay`: of the network, arrival minus capture; `interval`: what usually lies between
  /// two captures.
  double capture_of(std::uint64_t sequence, RemoteTime stamp, double arrived, double least_delay,
                    double interval);
  /// The frame counts as received: what follows is measured against it.
  void add(std::uint64_t sequence, double capture);

  bool is_empty() const noexcept { return is_empty_; }
  std::uint64_t newest() const noexcept { return newest_; }
  double newest_capture() const noexcept { return newest_capture_; }
  RemoteTime first_stamp() const noexcept { return first_stamp_; }
  /// Time on this line minus the stamp's time since the first one.
  double shift() const noexcept { return shift_; }

 private:
  bool runs_like_time(double stamp, double arrived);

  RemoteTime first_stamp_{};
  double shift_ = 0;
  std::uint64_t newest_ = 0;
  double newest_capture_ = 0;
  bool is_empty_ = true;
  // How far the stamps went while time went on, see runs_like_time().
  double window_stamp_ = 0;
  double window_arrived_ = 0;
  int bad_windows_ = 0;
};

}  // namespace echostream::timing
