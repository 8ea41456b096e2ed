// The times of a recording: nanoseconds of Unix time that never jump. The time of day is looked at
// once, when the recording begins; from then on it goes as the node's monotonic clock does, so that
// what lay a microsecond apart lies a microsecond apart in the file.
#pragma once

#include <cstdint>
#include <optional>

#include "echostream/base/time.h"

namespace echostream::recorder {

class RecordingClock {
 public:
  RecordingClock() = default;
  RecordingClock(LocalTime now, WallTime wall) noexcept : begun_(now), wall_(wall) {}

  std::uint64_t at(LocalTime time) const noexcept {
    return static_cast<std::uint64_t>(wall_.time_since_epoch().count()) +
           static_cast<std::uint64_t>(time.time_since_epoch().count()) -
           static_cast<std::uint64_t>(begun_.time_since_epoch().count());
  }
  /// The same for what somebody else says; nothing when it is more than a day from `now`, which no
  /// true stamp of something that is sent or received now is.
  std::optional<std::uint64_t> at_if_near(LocalTime time, LocalTime now) const noexcept {
    const std::uint64_t apart = static_cast<std::uint64_t>(time.time_since_epoch().count()) -
                                static_cast<std::uint64_t>(now.time_since_epoch().count());
    constexpr auto kDay = static_cast<std::uint64_t>(Duration(std::chrono::hours(24)).count());
    if (apart + kDay > 2 * kDay) return std::nullopt;
    return at(time);
  }

 private:
  LocalTime begun_{};
  WallTime wall_{};
};

}  // namespace echostream::recorder
