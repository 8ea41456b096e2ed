#include "runtime/timing/clock_filter.h"

#include <algorithm>
#include <cmath>

namespace echostream::timing {
namespace {

// ppm per square root of a second: a good oscillator in a quiet room, an ordinary one, and one that
// is being heated (0.2 ppm/s for ten seconds is what 0.6 ppm/s^0.5 grows to).
constexpr std::array<double, 3> kWanders{0.04, 0.15, 0.6};
// How well a model foretold is forgotten with a time constant of 50 points: half a minute at 1 Hz,
// about as long as a warming up lasts.
constexpr double kRemembered = 0.98;
// No model is ever ruled out.
constexpr double kLeastWeight = 1e-4;
// Before anything is known of a direction's excess.
constexpr double kFirstScale = 1.0 / 8;  // of the round trip
// Real delays have fewer points right at the least delay than an exponential distribution; taking
// them for a somewhat wider one avoids that the state is pressed against the least points.
constexpr double kScaleMargin = 1.25;
// The other direction counts as so many points where a direction's own are few.
constexpr double kBorrowed = 4;
// Standard deviations. A point earlier than that is not explained by chance (1 in 160 if the state
// were normal, and less as points are late rather than early) ...
constexpr double kTooEarly = 2.5;
// ... it is brought down to that ...
constexpr double kEarlyEnough = 2;
// ... by a factor of at most that, and more only in several steps.
constexpr double kMostScaling = 16;
// Above that the path has become shorter, if also by more than 1.5 times the usual excess: less
// than that is how far the edge of the distribution can be misjudged.
constexpr double kShorter = 5;
constexpr double kShorterBeyondDoubt = 12;
constexpr double kShorterScales = 1.5;
// A point is far above the rest if that many times the usual excess: 1 in 3000 of an exponential.
constexpr double kFar = 8;
// Six of these in a row: not chance, also not on a path where one of ten is far.
constexpr int kFarRun = 6;
// The directions agree if they differ by less than 2.5 standard deviations, and one is known to a
// 20th of the change: agreement by chance is then a matter of 1 in 8.
constexpr double kAgreement = 2.5;
constexpr double kKnownPart = 20;
// A shorter round trip must be shorter beyond doubt, by points enough.
constexpr double kRttDoubt = 3;
constexpr double kShorterRttDoubt = 6;
constexpr int kShorterRttSamples = 6;
// us. A probe that was on its way for longer says nothing about the path.
constexpr double kMostDelay = 1e7;

}  // namespace

ClockFilter::ClockFilter() noexcept {
  for (std::size_t i = 0; i < hypotheses_.size(); ++i)
    hypotheses_[i] = {ClockModel(kWanders[i]), 1.0 / static_cast<double>(kWanders.size())};
}

void ClockFilter::add_upper(OffsetPoint point) noexcept { add(ClockModel::kForward, point); }

// With both signs turned a lower bound is an upper one.
void ClockFilter::add_lower(OffsetPoint point) noexcept {
  add(ClockModel::kBackward, {point.time_s, -point.offset_us});
}

void ClockFilter::add(Index delay, OffsetPoint point) noexcept {
  if (!known_) {
    const auto side = static_cast<std::size_t>(delay - ClockModel::kForward);
    first_[side] = point;
    has_first_[side] = true;
    if (has_first_[0] && has_first_[1] && first_[0].offset_us + first_[1].offset_us < kMostDelay)
      start();
    return;
  }
  advance(point.time_s);
  const double sign = delay == ClockModel::kForward ? 1 : -1;
  Vector along{sign, -sign * (time_s_ - point.time_s), 0, 0};
  along[delay] = 1;
  const double excess = point.offset_us - best().value(along);
  if (std::abs(excess) > kMostDelay) return;
  Direction& way = direction(delay);
  way.spread.add(point);
  if (way.spread.samples() > 1)
    way.scale_us = way.spread.mean_us(sign * best()[ClockModel::kSlope]);
  give_way(delay, along, point.offset_us);
  observe(along, point.offset_us, scale(delay));
  note_lateness(delay, point.offset_us - best().value(along));
  update_symmetry();
}

void ClockFilter::start() noexcept {
  const double rtt = std::max(first_[0].offset_us + first_[1].offset_us, 2.0);
  const double middle = (first_[0].offset_us - first_[1].offset_us) / 2;
  time_s_ = std::max(first_[0].time_s, first_[1].time_s);
  for (Hypothesis& each : hypotheses_) each.model.start({middle, 0, rtt / 2, rtt / 2});
  for (Direction& each : directions_) each.scale_us = rtt * kFirstScale;
  known_ = true;
  add(ClockModel::kForward, first_[0]);
  add(ClockModel::kBackward, first_[1]);
}

// Points come a little out of order; an older one is compared with the line where it was.
void ClockFilter::advance(double time_s) noexcept {
  if (time_s <= time_s_) return;
  for (Hypothesis& each : hypotheses_) each.model.advance(time_s - time_s_);
  time_s_ = time_s;
}

void ClockFilter::give_way(Index delay, const Vector& along, double value) noexcept {
  if (!symmetric_) {
    for (Hypothesis& each : hypotheses_) {
      const double early_us = each.model.value(along) - value;
      if (each.model.earliness(along, value) > kShorter) shorten(each.model, delay, early_us);
    }
    return;
  }
  double earliness = INFINITY;
  double early_us = INFINITY;
  for (const Hypothesis& each : hypotheses_) {
    earliness = std::min(earliness, each.model.earliness(along, value));
    early_us = std::min(early_us, each.model.value(along) - value);
  }
  if (earliness < kTooEarly) return;
  if (earliness > kShorterBeyondDoubt ||
      (earliness > kShorter && early_us > kShorterScales * scale(delay))) {
    // Half each only below the least round trip that was known: above it something has merely
    // gone that had made both directions longer, and it need not have been the same for both.
    if (least_rtt_us() - early_us > trusted_rtt_us_) lose_symmetry(early_us);
    for (Hypothesis& each : hypotheses_) shorten(each.model, delay, early_us);
  } else {
    const double factor = earliness * earliness / (kEarlyEnough * kEarlyEnough);
    for (Hypothesis& each : hypotheses_) each.model.scale_variance(std::min(factor, kMostScaling));
  }
}

void ClockFilter::observe(const Vector& along, double value, double scale_us) noexcept {
  double sum = 0;
  for (Hypothesis& each : hypotheses_) {
    const double evidence = each.model.observe(along, value, scale_us);
    each.weight = std::pow(each.weight, kRemembered) * std::max(evidence, 1e-12);
    sum += each.weight;
  }
  double total = 0;
  for (Hypothesis& each : hypotheses_)
    total += each.weight = std::max(each.weight / sum, kLeastWeight);
  for (Hypothesis& each : hypotheses_) each.weight /= total;
}

void ClockFilter::note_lateness(Index delay, double excess_us) noexcept {
  Direction& way = direction(delay);
  if (excess_us <= kFar * way.scale_us) {
    way.far_run = 0;
    return;
  }
  if (way.far_run == 0) way.run_least_us = excess_us, way.run_sum_us = 0;
  ++way.far_run;
  way.run_least_us = std::min(way.run_least_us, excess_us);
  way.run_sum_us += excess_us;
  if (way.far_run >= kFarRun) lengthen(delay);
}

void ClockFilter::lengthen(Index delay) noexcept {
  Direction& way = direction(delay);
  lose_symmetry(way.run_least_us);
  const double spread = std::max(way.scale_us, way.run_sum_us / way.far_run - way.run_least_us);
  for (Hypothesis& each : hypotheses_)
    each.model.set_delay(delay, each.model[delay] + way.run_least_us, 2 * spread);
  way.spread.forget();
  way.scale_us = spread;
  way.far_run = 0;
}

void ClockFilter::lose_symmetry(double by_us) noexcept {
  if (symmetric_) asymmetry_us_ = 0;
  asymmetry_us_ = std::max(asymmetry_us_, by_us);
  symmetric_ = false;
  ++path_changes_;
}

void ClockFilter::shorten(ClockModel& model, Index delay, double by_us) noexcept {
  Direction& way = direction(delay);
  if (by_us > kFar * way.scale_us) way.spread.forget();
  // While symmetric, half each: what the other direction measures stays as it is.
  const double sign = delay == ClockModel::kForward ? 0.5 : -0.5;
  Vector moved{sign, 0, 0.5, 0.5};
  if (!symmetric_) {
    moved = {};
    moved[delay] = 1;
  }
  model.loosen(moved, by_us);
}

void ClockFilter::update_symmetry() noexcept {
  const double rtt_sd = std::sqrt(best().variance({0, 0, 1, 1}));
  if (symmetric_) {
    trusted_rtt_us_ = std::min(trusted_rtt_us_, least_rtt_us() + kRttDoubt * rtt_sd);
    return;
  }
  const Vector difference{0, 0, 1, -1};
  const double apart = std::abs(best().value(difference));
  const double sd = std::sqrt(best().variance(difference));
  const bool agree = apart < kAgreement * sd && sd * kKnownPart < asymmetry_us_;
  const bool shorter = least_rtt_us() + kShorterRttDoubt * rtt_sd < trusted_rtt_us_ &&
                       directions_[0].spread.samples() > kShorterRttSamples &&
                       directions_[1].spread.samples() > kShorterRttSamples;
  if (!agree && !shorter) return;
  for (Hypothesis& each : hypotheses_) {
    // Measured sums stay as they are, but the offset comes from the new path alone.
    if (!agree) each.model.loosen({1, 0, -1, 1}, each.model.value(difference) / 2);
    each.model.make_symmetric();
  }
  symmetric_ = true;
}

void ClockFilter::handle_path_change() noexcept {
  if (!known_) return;
  const double rtt = least_rtt_us();
  lose_symmetry(rtt / 2);
  for (Hypothesis& each : hypotheses_)
    for (const Index delay : {ClockModel::kForward, ClockModel::kBackward})
      each.model.set_delay(delay, each.model[delay], rtt);
  for (Direction& each : directions_) {
    each.spread.forget();
    each.scale_us = rtt * kFirstScale;
    each.far_run = 0;
  }
}

double ClockFilter::scale(Index delay) const noexcept {
  const auto side = static_cast<std::size_t>(delay - ClockModel::kForward);
  const Direction& own = directions_[side];
  const Direction& other = directions_[1 - side];
  const double n = own.spread.samples() < 2 ? 0 : own.spread.samples();
  const double m = other.spread.samples() < 2 ? 0 : kBorrowed;
  if (n + m == 0) return own.scale_us;
  return kScaleMargin * (n * own.scale_us + m * other.scale_us) / (n + m);
}

const ClockModel& ClockFilter::best() const noexcept {
  const Hypothesis* best = &hypotheses_[0];
  for (const Hypothesis& each : hypotheses_)
    if (each.weight > best->weight) best = &each;
  return best->model;
}

double ClockFilter::least_rtt_us() const noexcept { return best().value({0, 0, 1, 1}); }

ClockFilter::Estimate ClockFilter::predict(double time_s) const noexcept {
  const double ahead = time_s - time_s_;
  Estimate result;
  for (const Hypothesis& each : hypotheses_) {
    result.offset_us += each.weight * each.model.value({1, ahead, 0, 0});
    result.slope += each.weight * each.model[ClockModel::kSlope];
  }
  double variance = 0;
  for (const Hypothesis& each : hypotheses_) {
    const double off = each.model.value({1, ahead, 0, 0}) - result.offset_us;
    variance += each.weight * (each.model.offset_variance(ahead) + off * off);
  }
  result.offset_sd_us = std::sqrt(variance);
  return result;
}

}  // namespace echostream::timing
