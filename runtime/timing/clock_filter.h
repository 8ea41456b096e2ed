// The likely offset, rate and least delays of a peer's clock and path, from one-sided measurements.
// What is certain is ClockEnvelope's part.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "runtime/timing/clock_envelope.h"
#include "runtime/timing/clock_model.h"
#include "runtime/timing/delay_spread.h"

namespace echostream::timing {

/// Several ClockModels side by side, weighted by how well they foretold what came, and what is
/// common to them: how much delays vary, whether the path has changed.
///
/// Both directions are taken to have the same least delay; half of an asymmetry is invisible (see
/// ClockEstimate::bound). While that is so,
///  - a point that is earlier than can be by a little means that too much was believed, and all
///    that is known is loosened; one that is earlier by more: the path has become shorter, and half
///    of that counts for the offset, as the least round trip is the best measure there is;
///  - six points in a row that are far later than any before: this direction has become longer. Its
///    delay is learned anew, but from the offset, which the other direction keeps up to date. So a
///    route step or a queue of half a minute on one side does not move the offset, as it would if
///    the window were begun anew. Once both directions agree again within what is known of them,
///    or the round trip is shorter than ever, the path counts as symmetric again.
///
/// The cost of a point is constant, and nothing is allocated.
class ClockFilter {
 public:
  struct Estimate {
    double offset_us = 0;
    double slope = 0;  // us/s, that is, ppm
    double offset_sd_us = 0;
  };

  ClockFilter() noexcept;
  void add_upper(OffsetPoint point) noexcept;
  void add_lower(OffsetPoint point) noexcept;
  /// Other delays from here on, in both directions.
  void handle_path_change() noexcept;

  bool is_known() const noexcept { return known_; }
  Estimate predict(double time_s) const noexcept;
  double least_rtt_us() const noexcept;
  /// How often a direction was found to have become longer.
  std::uint64_t path_changes() const noexcept { return path_changes_; }

 private:
  using Index = ClockModel::Index;
  using Vector = ClockModel::Vector;

  struct Direction {
    DelaySpread spread;
    double scale_us = 0;
    // The points in a row that came far too late, if that goes on.
    int far_run = 0;
    double run_least_us = 0;
    double run_sum_us = 0;
  };
  struct Hypothesis {
    ClockModel model;
    double weight = 0;
  };

  void start() noexcept;
  void add(Index delay, OffsetPoint point) noexcept;
  void advance(double time_s) noexcept;
  void give_way(Index delay, const Vector& along, double value) noexcept;
  void observe(const Vector& along, double value, double scale_us) noexcept;
  void note_lateness(Index delay, double excess_us) noexcept;
  void lengthen(Index delay) noexcept;
  void shorten(ClockModel& model, Index delay, double by_us) noexcept;
  void lose_symmetry(double by_us) noexcept;
  void update_symmetry() noexcept;
  double scale(Index delay) const noexcept;
  Direction& direction(Index delay) noexcept { return directions_[delay - ClockModel::kForward]; }
  const ClockModel& best() const noexcept;

  std::array<Hypothesis, 3> hypotheses_;
  std::array<Direction, 2> directions_;
  std::array<OffsetPoint, 2> first_{};
  std::array<bool, 2> has_first_{};
  double time_s_ = 0;
  bool known_ = false;
  bool symmetric_ = true;
  double trusted_rtt_us_ = INFINITY;  // the least while it was
  double asymmetry_us_ = 0;           // by how much a direction has changed since
  std::uint64_t path_changes_ = 0;
};

}  // namespace echostream::timing
