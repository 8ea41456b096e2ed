// What exchanges with a peer prove about its clock: how far the offset can be away at most. Knows
// nothing of what is likely; that is ClockFilter's part.
#pragma once

#include <cstddef>
#include <vector>

namespace echostream::timing {

/// A one-sided measurement in the estimator's units: seconds and microseconds since a reference.
struct OffsetPoint {
  double time_s = 0;
  double offset_us = 0;
};

/// Slopes of the offset line that are possible, in us/s, that is, ppm.
struct SlopeRange {
  double lower = 0;
  double upper = 0;

  bool is_empty() const noexcept { return !(lower <= upper); }
  double middle() const noexcept { return (lower + upper) / 2; }
  SlopeRange turned() const noexcept { return {-upper, -lower}; }
};

/// The points of one direction that can still matter, each an upper bound of the offset line.
/// The other direction's points are kept with both signs turned. Bounded in size.
class EnvelopeSide {
 public:
  /// Room for a point every 2.5 s of the window, or, thinned, for a density that falls with age.
  static constexpr std::size_t kCapacity = 96;

  /// `slopes`: those of the line that the points bound. Points of any order of time.
  void insert(OffsetPoint point, SlopeRange slopes);
  void forget_before(double time_s);
  void clear() noexcept { points_.clear(); }
  std::size_t size() const noexcept { return points_.size(); }
  const OffsetPoint& operator[](std::size_t index) const noexcept { return points_[index]; }

 private:
  void thin(double newest_s, double slope);

  // Grows to what it needs, which for most sessions is a third of the capacity.
  std::vector<OffsetPoint> points_;
};

/// What must hold at one moment.
struct OffsetLimits {
  double lower_us = 0;
  double upper_us = 0;
  SlopeRange slopes;
};

/// Two one-sided point sets, as in Moon, Skelly and Towsley, "Estimation and Removal of Clock Skew
/// from Network Delay Measurements" (INFOCOM 1999), but of both directions (Huygens, NSDI 2018): a
/// request cannot arrive before it was sent, so T2 - T1 lies above the offset, and T3 - T4 below.
/// With a line for the recent past every pair of points limits the slope, and the slope carries
/// old points to now. As no clock is a line, a point of age a is loosened by kWander * a^1.5, the
/// way in which a random walk of the frequency grows.
///
/// What that presumes: true stamps, and rates that change no faster than that. A clock whose rate
/// is stepped by hundreds of ppm, as an NTP daemon may do while it sets the clock, can be outside
/// the limits for a few exchanges; points that no line fits are then shed from the old end.
///
/// The cost of an update and of limits() does not grow with the number of exchanges: a side keeps
/// only points which may become the tightest, and never more than EnvelopeSide::kCapacity.
class ClockEnvelope {
 public:
  ClockEnvelope() noexcept { clear(); }

  enum class Outcome : unsigned char {
    kConsistent,
    kShed,           // older points had to go: the clocks wandered more than we allow for
    kContradiction,  // no pair of real clocks can give these stamps: all older points are gone
  };

  Outcome add_upper(OffsetPoint point);
  Outcome add_lower(OffsetPoint point);
  void clear() noexcept;

  bool is_known() const noexcept { return upper_.size() > 0 && lower_.size() > 0; }
  /// At a time at or after the newest point's. Needs is_known().
  OffsetLimits limits(double time_s) const;
  std::size_t size() const noexcept { return upper_.size() + lower_.size(); }

 private:
  Outcome add(EnvelopeSide& side, EnvelopeSide& opposite, OffsetPoint point, SlopeRange slopes);
  double newest() const noexcept;

  EnvelopeSide upper_;
  EnvelopeSide lower_;  // turned
  SlopeRange slopes_;   // that were possible at the last update
};

}  // namespace echostream::timing
