// What a session knows of its peer's clock, as its users see it: one mapping that never runs
// backwards, its state and its bounds. Told of exchanges by ClockSync.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"
#include "echostream/clock.h"

#include "runtime/timing/clock_estimator.h"

namespace echostream::timing {

/// The estimator's line, smoothed: what is handed out moves towards a new estimate at a limited
/// rate (slewing, RFC 5905 section 12) and steps only forward, at the first lock and after a
/// contradiction. Where it would have to step backward it stands still until it is right again, but
/// not for more than a second: a clock that is further behind than that did stop (its machine
/// slept), and is followed by the one backward step that there is.
///
/// Hostile stamps: offsets are any 64-bit numbers and wrap around; every effect of a lie ends with
/// the restart that its contradiction causes, and after a few of those the peer's stamps are not
/// followed for a while (ClockState::kUnreliable).
///
/// Not for use by several threads, not even its const members.
class PeerClock {
 public:
  /// One request: T1, T2. At most the receiver's true stamp; a later one only loosens.
  void add_forward(LocalTime sent, RemoteTime received);
  /// One reply: T3, T4. An early T3 only loosens; the true one may follow with the same `received`.
  void add_backward(RemoteTime sent, LocalTime received);
  /// The transport saw its path change: the bound widens at once, delays are measured anew.
  void handle_path_change(LocalTime now);

  /// Of the mapping below; `bound` and `estimated_error` include how far it lags behind.
  ClockEstimate estimate(LocalTime now) const;
  /// The peer's time at `time`, and the other way round. Until is_known() the offset is 0.
  ///
  /// Never backwards, but for that step: as time goes by and exchanges are added, answers for later
  /// arguments are not earlier, as long as the arguments are the present or less than 100 ms ahead
  /// of it. A moment further ahead is predicted, and may be predicted otherwise later. For the past
  /// the present line is extended backwards, so that at any one moment the mapping is monotonic
  /// over all arguments; the same past moment may be answered otherwise after the next exchange.
  /// While the output stands still, its past is that of the estimate: a stamp that the peer has
  /// just made is mapped to when it was made.
  RemoteTime to_remote(LocalTime time) const;
  LocalTime to_local(RemoteTime time) const;

  /// False until stamps of both directions came.
  bool is_known() const noexcept { return known_; }
  /// How often stamps contradicted each other so far.
  std::uint64_t contradictions() const noexcept { return contradictions_; }

 private:
  // At `at` the output is `remote`, `lag_us` beyond the target line, which it approaches at `rate`.
  struct Output {
    LocalTime at{};
    std::int64_t remote = 0;
    double lag_us = 0;
    double rate = 0;     // us/s
    bool holds = false;  // does not approach, but stands still until the target is there
  };

  void handle(ClockEstimator::Outcome outcome, LocalTime at, bool is_request);
  void note_contradiction(LocalTime at);
  void follow(LocalTime at);
  std::int64_t remote_on_target(LocalTime time) const noexcept;
  std::int64_t remote_at(LocalTime time) const noexcept;
  ClockState state(LocalTime now, const ClockEstimator::Estimate& estimate) const;

  ClockEstimator estimator_;
  ClockLine target_;
  Output output_;
  mutable LocalTime asked_until_ = LocalTime::min();
  bool known_ = false;
  std::uint64_t samples_ = 0;
  std::uint64_t contradictions_ = 0;
  // Exchanges still to come before stamps that contradicted all earlier ones are believed.
  std::uint64_t unconfirmed_ = 0;
  int recent_contradictions_ = 0;
  // For a while from here on the output may step.
  LocalTime stepping_from_ = LocalTime::min();
  LocalTime last_update_ = LocalTime::min();
  LocalTime last_contradiction_ = LocalTime::min();
  LocalTime distrusted_until_ = LocalTime::min();
};

}  // namespace echostream::timing
