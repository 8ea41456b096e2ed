#include "runtime/timing/clock_envelope.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace echostream::timing {
namespace {

// What is older says nothing that the loosening has not undone: 0.3 * 240^1.5 is 1.1 ms.
constexpr double kWindowSeconds = 240;
// us/s^1.5. A machine that warms up or cools down changes the rate of its quartz by up to 0.1 to
// 0.2 ppm a second for tens of seconds; after 10 s that is 5 to 10 us, and 0.3 * 10^1.5 is 9.5 us.
constexpr double kWander = 0.3;
// ppm. No clock that is disciplined or free running differs more from another one (RFC 5905
// allows each 500 ppm of correction; quartz is good to 100).
constexpr double kMaxSlope = 500;
// Stamps of one machine are read from several sources (socket, CPU), which agree to about that.
constexpr double kToleranceMicroseconds = 2;

// ppm. Points are not dropped for what the slopes just now seem to rule out: a clock that is
// disciplined (adjtimex) changes its rate at once by that much.
constexpr double kSlopeDoubt = 20;

// What a point of the window loses in a second at most: the derivative of kWander * a^1.5.
constexpr double kMostLossPerSecond = kWander * 1.5 * 15.5;

double wander(double age_s) { return age_s > 0 ? kWander * age_s * std::sqrt(age_s) : 0; }

// A side's points seen from one moment: ages and loosened offsets.
class Loosened {
 public:
  Loosened(const EnvelopeSide& side, double time_s) : size_(side.size()) {
    for (std::size_t i = 0; i < size_; ++i) {
      age_[i] = std::max(time_s - side[i].time_s, 0.0);
      offset_[i] = side[i].offset_us + wander(age_[i]);
    }
  }

  struct Tightest {
    double offset_us = INFINITY;
    double age_s = 0;
  };
  Tightest tightest(double slope) const {
    Tightest least;
    for (std::size_t i = 0; i < size_; ++i) {
      const double offset = offset_[i] + slope * age_[i];
      if (offset < least.offset_us) least = {offset, age_[i]};
    }
    return least;
  }

 private:
  std::size_t size_;
  std::array<double, EnvelopeSide::kCapacity> age_;
  std::array<double, EnvelopeSide::kCapacity> offset_;
};

// How far the sides are apart for a slope, and how fast that changes with the slope.
struct Margin {
  double width_us = 0;
  double per_slope_s = 0;
};

Margin margin(const Loosened& upper, const Loosened& lower, double slope) {
  const auto up = upper.tightest(slope);
  const auto low = lower.tightest(-slope);
  return {up.offset_us + low.offset_us, up.age_s - low.age_s};
}

// The end of the slopes that leave a margin, coming from `slope`: Newton's method, which on a
// concave piecewise linear function never steps over it and ends after as many steps as there are
// pieces. `direction` is +1 to search upwards. None left: a slope outside +-kMaxSlope.
double first_possible_slope(const Loosened& upper, const Loosened& lower, double direction) {
  double slope = -direction * kMaxSlope;
  for (int step = 0; step < 16; ++step) {
    const Margin at = margin(upper, lower, slope);
    if (at.width_us >= -kToleranceMicroseconds) break;
    if (at.per_slope_s * direction <= 0) return direction * INFINITY;
    slope -= at.width_us / at.per_slope_s;
    if (slope * direction > kMaxSlope) return direction * INFINITY;
  }
  return slope;
}

SlopeRange slope_range(const Loosened& upper, const Loosened& lower) {
  SlopeRange range{first_possible_slope(upper, lower, 1), 0};
  range.upper = std::isinf(range.lower) ? -kMaxSlope : first_possible_slope(upper, lower, -1);
  return range;
}

}  // namespace

void EnvelopeSide::insert(OffsetPoint point, SlopeRange slopes) {
  const auto position = [&] {
    std::size_t at = points_.size();
    while (at > 0 && points_[at - 1].time_s > point.time_s) --at;
    return at;
  };
  std::size_t at = position();
  // Beyond what an older point will have lost by the end of the window: never the tightest.
  constexpr std::size_t kCompared = 4;
  for (std::size_t i = at; i > 0 && at - i < kCompared; --i) {
    const OffsetPoint& older = points_[i - 1];
    const double age = point.time_s - older.time_s;
    if (point.offset_us - older.offset_us > (slopes.upper + kSlopeDoubt + kMostLossPerSecond) * age)
      return;
  }
  if (at == points_.size()) {
    // A newer point that is lower for every slope also loses less with time.
    while (!points_.empty()) {
      const OffsetPoint& older = points_.back();
      const double age = point.time_s - older.time_s;
      if (point.offset_us > older.offset_us + (slopes.lower - kSlopeDoubt) * age) break;
      points_.pop_back();
    }
    at = points_.size();
  }
  if (points_.size() == kCapacity) {
    thin(points_.back().time_s, slopes.middle());
    at = position();
  }
  points_.insert(points_.begin() + static_cast<std::ptrdiff_t>(at), point);
}

// Goes through pairs of neighbours, and where the pair is close for its age keeps the lower one:
// what is left is dense where it is young. Frees a third of the room or more, so that this is rare.
void EnvelopeSide::thin(double newest_s, double slope) {
  while (points_.size() > kCapacity * 2 / 3) {
    std::size_t best = 1;
    double least = INFINITY;
    for (std::size_t i = 1; i < points_.size(); ++i) {
      const double gap = points_[i].time_s - points_[i - 1].time_s;
      const double age = newest_s - points_[i].time_s;
      const double closeness = gap / (age + 1);
      if (closeness < least) least = closeness, best = i;
    }
    OffsetPoint& older = points_[best - 1];
    const OffsetPoint& newer = points_[best];
    const double gap = newer.time_s - older.time_s;
    if (newer.offset_us - slope * gap <= older.offset_us) older = newer;
    points_.erase(points_.begin() + static_cast<std::ptrdiff_t>(best));
  }
}

void EnvelopeSide::forget_before(double time_s) {
  const auto kept = std::find_if(points_.begin(), points_.end(),
                                 [&](const OffsetPoint& point) { return point.time_s >= time_s; });
  points_.erase(points_.begin(), kept);
}

ClockEnvelope::Outcome ClockEnvelope::add_upper(OffsetPoint point) {
  return add(upper_, lower_, point, slopes_);
}

ClockEnvelope::Outcome ClockEnvelope::add_lower(OffsetPoint point) {
  return add(lower_, upper_, {point.time_s, -point.offset_us}, slopes_.turned());
}

void ClockEnvelope::clear() noexcept {
  upper_.clear();
  lower_.clear();
  slopes_ = {-kMaxSlope, kMaxSlope};
}

double ClockEnvelope::newest() const noexcept {
  double newest = -INFINITY;
  for (const EnvelopeSide* side : {&upper_, &lower_})
    if (side->size() > 0) newest = std::max(newest, (*side)[side->size() - 1].time_s);
  return newest;
}

ClockEnvelope::Outcome ClockEnvelope::add(EnvelopeSide& side, EnvelopeSide& opposite,
                                          OffsetPoint point, SlopeRange slopes) {
  // Against each point of the other side, at the greatest slope that real clocks can have.
  for (std::size_t i = 0; i < opposite.size(); ++i) {
    const double apart = std::abs(point.time_s - opposite[i].time_s);
    if (point.offset_us + opposite[i].offset_us < -kMaxSlope * apart - kToleranceMicroseconds) {
      clear();
      side.insert(point, slopes_);
      return Outcome::kContradiction;
    }
  }
  side.insert(point, slopes);
  if (!is_known()) return Outcome::kConsistent;
  const double now = newest();
  side.forget_before(now - kWindowSeconds);
  opposite.forget_before(now - kWindowSeconds);
  Outcome outcome = Outcome::kConsistent;
  for (double window = kWindowSeconds; is_known(); window /= 2) {
    const SlopeRange range = slope_range(Loosened(upper_, now), Loosened(lower_, now));
    if (!range.is_empty()) {
      slopes_ = range;
      break;
    }
    outcome = Outcome::kShed;
    upper_.forget_before(now - window / 2);
    lower_.forget_before(now - window / 2);
  }
  return outcome;
}

OffsetLimits ClockEnvelope::limits(double time_s) const {
  const double now = std::max(time_s, newest());
  const Loosened upper(upper_, now);
  const Loosened lower(lower_, now);
  SlopeRange range = slope_range(upper, lower);
  if (range.is_empty()) range = {-kMaxSlope, kMaxSlope};
  // The offset at `now` grows with the slope by which a past point is carried there.
  return {-lower.tightest(-range.lower).offset_us, upper.tightest(range.upper).offset_us, range};
}

}  // namespace echostream::timing
