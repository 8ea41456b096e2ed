// From stamps of both directions to the offset of a peer's clock: what is likely (ClockFilter) and
// what is certain (ClockEnvelope), in the types of the interface.
#pragma once

#include <array>
#include <cstdint>

#include "echostream/base/time.h"

#include "runtime/timing/clock_envelope.h"
#include "runtime/timing/clock_filter.h"

namespace echostream::timing {

/// Remote minus local time as a line. Offsets wrap around like the clocks themselves.
struct ClockLine {
  LocalTime at{};
  Duration offset{};
  double skew = 0;  // ppm

  /// What the line adds to `offset` at `time`, in microseconds.
  double drift_us(LocalTime time) const noexcept;
};

/// Keeps one life of the two clocks: from a contradiction on, which shows that one of them jumped,
/// stood still while its machine slept, or that stamps were invented, everything begins anew.
class ClockEstimator {
 public:
  enum class Outcome : std::uint8_t {
    kUsed,
    kIgnored,        // from before a restart, or from a time that cannot be
    kContradiction,  // these stamps and older ones cannot both be true: begun anew with these
  };

  /// What is known at one moment. Errors are distances from `offset`.
  struct Estimate {
    Duration offset{};
    double skew = 0;  // ppm
    /// The truth is within [offset - below, offset + above] if the stamps are true.
    double below_us = 0;
    double above_us = 0;
    /// Greatest error to expect on a symmetric path.
    double error_us = 0;
    Duration least_rtt{};
    /// False for ten seconds after a change of the path.
    bool path_is_settled = true;
  };

  Outcome add_forward(LocalTime sent, RemoteTime received);
  Outcome add_backward(RemoteTime sent, LocalTime received);
  void handle_path_change(LocalTime now);

  bool is_known() const noexcept { return envelope_.is_known() && filter_.is_known(); }
  /// The likely line, to be used from `at` on. Needs is_known().
  ClockLine line(LocalTime at) const;
  Estimate estimate(LocalTime at) const;

 private:
  enum class Side : std::uint8_t { kUpper, kLower };

  // Times and offsets relative to those of the first point: clocks have arbitrary epochs, and a
  // double holds nanoseconds of a few weeks only.
  struct Reference {
    LocalTime time{};
    std::int64_t offset = 0;
  };

  Outcome add(Side side, LocalTime local, std::int64_t offset);
  bool put(Side side, LocalTime local, std::int64_t offset);
  void restart(LocalTime local, std::int64_t offset);
  bool is_possible(LocalTime local) const noexcept;
  double seconds(LocalTime time) const noexcept;
  double relative(std::int64_t offset) const noexcept;

  ClockEnvelope envelope_;
  ClockFilter filter_;
  Reference reference_;
  bool has_reference_ = false;
  LocalTime begun_{};  // points from before belong to another life of the clocks
  // The last point of each direction: after a restart the other half of the exchange still counts.
  struct Last {
    LocalTime local{};
    std::int64_t offset = 0;
    bool is_known = false;
  };
  std::array<Last, 2> last_;
  LocalTime path_changed_{};
  bool has_path_changed_ = false;
  std::uint64_t path_changes_ = 0;  // of the filter that are known of
};

}  // namespace echostream::timing
