#include "runtime/timing/trial_players.h"

#include <algorithm>

namespace echostream::timing {

namespace {

// Steps that are a fifth apart cost at most a twentieth of the delay against the best one between;
// 48 of them reach from half a millisecond, below which the clocks of the hosts are the limit, to
// two seconds, above which nobody calls a stream live.
constexpr float kLeastMargin = 500;
constexpr float kMarginRatio = 1.237F;
// An interruption of less than that is not heard.
constexpr float kInaudible = 1'000;
// Captures so much further apart than usual are a pause of the sender's.
constexpr float kPause = 1.5F;

}  // namespace

TrialPlayers::TrialPlayers(const TrialRules& rules) : rules_(rules) {
  float margin = kLeastMargin;
  for (std::size_t i = 0; i < kPlayers; ++i) {
    margin_[i / kLanes][i % kLanes] = margin;
    margin *= kMarginRatio;
  }
  position_ = margin_;
}

void TrialPlayers::rebase(float rise) {
  for (Lanes& position : position_) position -= rise;
}

void TrialPlayers::play(const TrialFrame& frame) {
  const Lanes none{};
  const Lanes interval = none + frame.interval;
  const Lanes delay = none + frame.delay;
  const Lanes drop_limit = none + rules_.drop_limit;
  const Lanes heard_for = none + rules_.interruption * frame.interval;
  const Lanes inaudible = none + kInaudible;
  const float pause = frame.gap > kPause * frame.interval ? frame.gap : 0.0F;
  const float step = rules_.max_stretch * std::max(frame.gap, 0.0F) + pause;
  const float per_interval = 1 / frame.interval;
  const float gap_cost = rules_.gap_cost * per_interval;
  for (std::size_t i = 0; i < margin_.size(); ++i) {
    const Lanes wanted = margin_[i] + frame.level;
    Lanes position = min(max(wanted, position_[i] - step), position_[i] + step);
    Lanes credit = credit_[i];
    position -= min(credit, max(position - wanted, none));
    const Lanes dropped = max(position - wanted - drop_limit, none);
    position -= dropped;

    const Lanes excess = max(delay - position, none);
    const auto waits = (excess < interval) | (delay <= wanted + interval);
    const Lanes filler = waits ? excess : max(interval - credit, none);
    const Lanes credit_if_late = waits ? credit + excess : max(credit - interval, none);
    const Lanes credit_if_not = position <= wanted ? none : credit;
    credit = excess > none ? credit_if_late : credit_if_not;
    position = waits ? position + excess : position;

    const Lanes heard = filler > inaudible ? heard_for : none;
    const Lanes cost = position + gap_cost * (filler + dropped + heard);
    position_[i] = position;
    credit_[i] = credit;
    cost_[i] += (cost - cost_[i]) * frame.share;
    late_[i] += (filler * per_interval - late_[i]) * frame.share;
  }
}

}  // namespace echostream::timing
