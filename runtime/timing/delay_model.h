// What a stream's jitter buffer knows of the network: its least delay, and the delay above it at
// which to play.
#pragma once

#include <array>
#include <cstddef>

#include "echostream/jitter_buffer.h"

#include "runtime/timing/recent_minimum.h"
#include "runtime/timing/trial_players.h"

namespace echostream::timing {

/// Chooses the delay by trial. Rows of players, each with another margin, play every frame that
/// comes, in numbers only, above the least network delay of the last three seconds, half second and
/// tenth of a second. What each would have cost, in delay and in gaps, is averaged over the last
/// seconds, and the place of the cheapest is taken. As the players wait, leave out and catch up the
/// way the buffer itself does, a burst of late frames, a route that became longer and a queue that
/// fills each count as what they are, one interruption; and whether the delay should follow the
/// network's every move or stay above all of it is settled by what it costs on this network.
///
/// Times are microseconds since the stream's first frame.
class DelayModel {
 public:
  explicit DelayModel(const JitterBufferOptions& options);

  /// A frame came, `transit` = arrival minus capture, captured `gap` after the newest before it.
  void add(double arrived, double transit, double gap, double interval);

  /// The least transit.
  double base() const noexcept { return levels_[0].minimum.value(); }
  /// What to add to it, now.
  double target() const noexcept { return target_; }
  /// So much behind the target, frames are better left out than caught up with.
  double drop_limit() const noexcept { return rules_.drop_limit; }

 private:
  static constexpr std::size_t kLevels = 3;
  struct Level {
    RecentMinimum minimum;
    TrialPlayers players;
  };
  struct Place {
    std::size_t level = 0;
    std::size_t player = 0;
  };

  double own_time(double arrived, double gap, double interval);
  Place cheapest(float least_margin, float max_late) const;
  void choose(double interval);
  float cost(Place place) const { return levels_[place.level].players.cost(place.player); }

  TrialRules rules_;
  double minimum_;
  double maximum_;
  double initial_;
  float max_late_;
  float safety_;
  std::array<Level, kLevels> levels_;
  double frames_ = 0;
  double last_base_ = 0;
  double time_ = 0;
  double last_arrived_ = 0;
  Place place_;
  double target_;
};

}  // namespace echostream::timing
