// How far apart a stream's frames are captured, learnt from those that came.
#pragma once

#include <array>
#include <cstddef>

namespace echostream::timing {

/// The median of the last gaps between the captures of neighbours: pauses of the sender's and odd
/// stamps do not move it. Microseconds.
class FrameInterval {
 public:
  void add(double gap) {
    if (!(gap > 0)) return;
    last_[count_ % kGaps] = gap;
    ++count_;
    update();
  }

  /// 20 ms, the usual frame of voice, before anything is known; 0.1 ms to a second.
  double value() const noexcept { return value_; }

 private:
  // Odd, and enough that one pause among the first frames is outvoted soon.
  static constexpr std::size_t kGaps = 9;

  void update();

  std::array<double, kGaps> last_{};
  std::size_t count_ = 0;
  double value_ = 20'000;
};

}  // namespace echostream::timing
