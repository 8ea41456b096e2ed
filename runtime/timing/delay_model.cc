#include "runtime/timing/delay_model.h"

#include <algorithm>
#include <limits>

#include "runtime/timing/microseconds.h"

namespace echostream::timing {

namespace {

struct Profile {
  /// What a percent of filled time may cost in delay: 5, 20 and 60 ms.
  float percent_cost;
  /// See TrialRules.
  float interruption;
  /// What is added to the margin that was the best one so far: the next seconds are not the last.
  float safety;
  float memory;
};

Profile profile_of(PlayoutProfile profile) {
  switch (profile) {
    case PlayoutProfile::kLowLatency:
      return {5'000, 0.25F, 0, 15e6F};
    case PlayoutProfile::kBalanced:
      return {20'000, 0.25F, 0.1F, 15e6F};
    case PlayoutProfile::kStrict:
      // An interruption is what this profile is there to avoid: one a minute is worth some 10 ms.
      return {60'000, 4, 0.4F, 60e6F};
  }
  return {20'000, 0.25F, 0.1F, 15e6F};
}

TrialRules rules_for(const JitterBufferOptions& options) {
  const Profile profile = profile_of(options.profile);
  TrialRules rules;
  rules.max_stretch = static_cast<float>(options.max_stretch);
  rules.gap_cost = 100 * profile.percent_cost;
  rules.interruption = profile.interruption;
  // Of what lies between here and the target each microsecond costs its length divided by the speed
  // of catching up; left out it costs a gap.
  rules.drop_limit = rules.gap_cost * rules.max_stretch;
  rules.memory = profile.memory;
  return rules;
}

// Long enough for a quiet moment to be in it, short enough to follow a clock that drifts by 100 ppm
// within a third of a millisecond; two to ride on what the network's queues do. Each is about six
// times the next.
constexpr double kLongWindow = 3e6;
constexpr double kMiddleWindow = 5e5;
constexpr double kShortWindow = 1e5;
// Silence of the sender's, in which the windows stand still: longer, and the route may be another.
constexpr double kLongestPause = 30e6;
// Until then the network's first seconds say less than the usual one.
constexpr double kYoung = 2e6;
// No single frame counts for more than that, once there are some.
constexpr double kLargestShare = 0.05;
// Places whose costs differ by less are equally good; the one that is taken is kept.
constexpr float kSame = 1.03F;
// A margin below that part of a frame, which is itself a delay, gains nothing that one could notice
// and would be eaten up by the timers of the hosts.
constexpr double kLeastMargin = 0.2;

}  // namespace

DelayModel::DelayModel(const JitterBufferOptions& options)
    : rules_(rules_for(options)),
      minimum_(to_microseconds(options.min_delay)),
      maximum_(to_microseconds(options.max_delay)),
      initial_(to_microseconds(options.initial_delay)),
      max_late_(static_cast<float>(options.max_late_share)),
      safety_(profile_of(options.profile).safety),
      levels_{Level{RecentMinimum(kLongWindow), TrialPlayers(rules_)},
              Level{RecentMinimum(kMiddleWindow), TrialPlayers(rules_)},
              Level{RecentMinimum(kShortWindow), TrialPlayers(rules_)}},
      target_(initial_) {}

/// A clock that stands still while the sender is silent: what was learnt before is still the best
/// that is known.
double DelayModel::own_time(double arrived, double gap, double interval) {
  if (frames_ == 0) last_arrived_ = arrived;
  double passed = std::max(0.0, arrived - last_arrived_);
  if (gap > 1.5 * interval) {
    passed = std::max(0.0, passed - std::min(gap - interval, kLongestPause));
  }
  last_arrived_ = std::max(last_arrived_, arrived);
  time_ += passed;
  return time_;
}

void DelayModel::add(double arrived, double transit, double gap, double interval) {
  const double time = own_time(arrived, gap, interval);
  for (Level& level : levels_) level.minimum.add(time, transit);
  if (frames_ == 0) last_base_ = base();
  frames_ += 1;
  const double rise = base() - last_base_;
  last_base_ = base();
  TrialFrame frame;
  frame.delay = static_cast<float>(transit - base());
  frame.gap = static_cast<float>(gap);
  frame.interval = static_cast<float>(interval);
  frame.share = static_cast<float>(std::max(
      1 / (frames_ + 1), std::min(kLargestShare, interval / static_cast<double>(rules_.memory))));
  for (Level& level : levels_) {
    if (rise != 0) level.players.rebase(static_cast<float>(rise));
    frame.level = static_cast<float>(level.minimum.value() - base());
    level.players.play(frame);
  }
  choose(interval);
}

DelayModel::Place DelayModel::cheapest(float least_margin, float max_late) const {
  Place best;
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t level = 0; level < kLevels; ++level) {
    const TrialPlayers& players = levels_[level].players;
    for (std::size_t i = 0; i < TrialPlayers::kPlayers; ++i) {
      if (players.cost(i) >= least || players.margin(i) < least_margin) continue;
      if (players.late_share(i) > max_late) continue;
      least = players.cost(i);
      best = {level, i};
    }
  }
  // Where no delay keeps the share of late frames, more of it would not help either.
  if (least == std::numeric_limits<float>::infinity() && max_late < 1) {
    return cheapest(least_margin, std::numeric_limits<float>::infinity());
  }
  return best;
}

void DelayModel::choose(double interval) {
  const auto least_margin = static_cast<float>(std::min(kLeastMargin * interval, maximum_));
  const Place best = cheapest(least_margin, max_late_);
  const TrialPlayers& kept = levels_[place_.level].players;
  if (cost(place_) > kSame * cost(best) || kept.late_share(place_.player) > max_late_ ||
      kept.margin(place_.player) < least_margin) {
    place_ = best;
  }
  const Level& level = levels_[place_.level];
  double target = level.minimum.value() - base() +
                  static_cast<double>(level.players.margin(place_.player) * (1 + safety_));
  const double young = 1 - time_ / kYoung;
  if (young > 0) target = std::max(target, initial_ * young);
  target_ = std::clamp(target, minimum_, maximum_);
}

}  // namespace echostream::timing
