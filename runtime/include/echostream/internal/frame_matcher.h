// Which frames of two or three streams belong together, from their capture times alone. Under
// align(); knows neither frames nor coroutines, and is told the time. No I/O, no clock.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "echostream/base/check.h"
#include "echostream/base/time.h"

namespace echostream::internal {

/// Use: add() what arrives while has_room(); then poll(now), which speaks of the streams' heads
/// (the earliest frames still held), until it says kWait or kEnd; again at next_deadline().
///
/// The rule. Frames match when their capture times lie within the tolerance. A head is dropped when
/// no later frame of another stream can match it, when its successor gives a closer match (its
/// partners then wait for that one), or when it has waited for `max_wait`. Capture times are taken
/// to grow within a stream; where they do not, frames are lost, and nothing worse.
class FrameMatcher {
 public:
  static constexpr std::size_t kMaxStreams = 3;

  enum class Action : std::uint8_t {
    kMatch,  // the heads of all streams belong together, and are taken out
    kDrop,   // the head of `stream` finds no partner, and is taken out
    kWait,   // nothing to be said before next_deadline() or the next add()
    kEnd,    // a stream has ended: there will be no match any more
  };
  struct Step {
    Action action;
    std::size_t stream;
  };

  FrameMatcher(std::size_t streams, Duration tolerance, Duration max_wait, std::size_t capacity)
      : streams_(streams),
        tolerance_(std::clamp(tolerance, Duration::zero(), kMostTolerance)),
        max_wait_(std::max(max_wait, Duration::zero())) {
    ECHOSTREAM_CHECK(streams >= 2 && streams <= kMaxStreams, "two or three streams are aligned");
    // A closer match is seen by comparing a head with its successor: two places at least.
    for (std::size_t i = 0; i < streams_; ++i)
      queues_[i].ring.resize(std::max<std::size_t>(capacity, 2));
  }

  bool has_room(std::size_t stream) const noexcept {
    return queues_[stream].size < queues_[stream].ring.size();
  }
  /// The next frame of `stream`, captured at `time` on the clock that all streams share.
  void add(std::size_t stream, Duration time, LocalTime now) {
    Queue& queue = queues_[stream];
    ECHOSTREAM_CHECK(has_room(stream), "a frame was added to a full queue");
    queue.ring[(queue.first + queue.size++) % queue.ring.size()] = {time, now};
    queue.least_next = time;
  }
  /// A frame that has no time by which it could be matched.
  void count_unmatched(std::size_t stream) noexcept { ++queues_[stream].unmatched; }
  /// No more frames of `stream`.
  void finish(std::size_t stream) noexcept { queues_[stream].is_finished = true; }
  bool is_exhausted(std::size_t stream) const noexcept {
    return queues_[stream].is_finished && queues_[stream].size == 0;
  }

  Step poll(LocalTime now) {
    next_deadline_ = kNever;
    if (any_exhausted()) return end();
    const std::size_t hopeless = find_hopeless();
    if (hopeless < streams_) return drop(hopeless);
    if (!all_have_heads()) return wait_for_partner(now);
    const std::size_t improvable = find_improvable(now);
    if (improvable < streams_) return drop(improvable);
    if (next_deadline_ != kNever) return {Action::kWait, 0};
    for (std::size_t i = 0; i < streams_; ++i) pop(i);
    in_step_ = true;
    return {Action::kMatch, 0};
  }
  LocalTime next_deadline() const noexcept { return next_deadline_; }
  std::uint64_t unmatched(std::size_t stream) const noexcept { return queues_[stream].unmatched; }

 private:
  // Beyond that a tolerance is no alignment; it keeps the sums below from overflowing.
  static constexpr Duration kMostTolerance = std::chrono::hours(1);

  struct Entry {
    Duration time{};
    LocalTime entered{};
  };
  struct Queue {
    std::vector<Entry> ring;
    std::size_t first = 0;
    std::size_t size = 0;
    // Nothing earlier than the last frame is to come.
    Duration least_next = Duration::min();
    bool is_finished = false;
    std::uint64_t unmatched = 0;

    const Entry& at(std::size_t index) const { return ring[(first + index) % ring.size()]; }
    Duration lower_bound() const { return size > 0 ? at(0).time : least_next; }
  };
  using Times = std::array<Duration, kMaxStreams>;

  // Stamps come from peers, and may lie anywhere.
  static Duration difference(Duration later, Duration earlier) noexcept {
    const auto a = static_cast<std::uint64_t>(later.count());
    const auto b = static_cast<std::uint64_t>(earlier.count());
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
    return Duration(static_cast<Duration::rep>(std::min(a - b, kMost)));
  }
  Duration spread(const Times& times) const noexcept {
    const auto [least, most] = std::minmax_element(times.begin(), times.begin() + end_offset());
    return difference(*most, *least);
  }
  Times::difference_type end_offset() const noexcept {
    return static_cast<Times::difference_type>(streams_);
  }

  bool any_exhausted() const noexcept {
    for (std::size_t i = 0; i < streams_; ++i)
      if (is_exhausted(i)) return true;
    return false;
  }
  bool all_have_heads() const noexcept {
    for (std::size_t i = 0; i < streams_; ++i)
      if (queues_[i].size == 0) return false;
    return true;
  }
  void pop(std::size_t stream) noexcept {
    Queue& queue = queues_[stream];
    queue.first = (queue.first + 1) % queue.ring.size();
    --queue.size;
  }
  Step drop(std::size_t stream) noexcept {
    pop(stream);
    count_unmatched(stream);
    in_step_ = false;
    return {Action::kDrop, stream};
  }
  Step end() noexcept {
    for (std::size_t i = 0; i < streams_; ++i)
      if (queues_[i].size > 0) return drop(i);
    return {Action::kEnd, 0};
  }

  // A head that lies further than the tolerance before everything another stream can still bring.
  std::size_t find_hopeless() const noexcept {
    Duration latest = Duration::min();
    for (std::size_t i = 0; i < streams_; ++i) latest = std::max(latest, queues_[i].lower_bound());
    for (std::size_t i = 0; i < streams_; ++i) {
      if (queues_[i].size == 0) continue;
      if (difference(latest, queues_[i].at(0).time) > tolerance_) return i;
    }
    return streams_;
  }

  // Not every stream has a head: whoever has waited too long goes.
  Step wait_for_partner(LocalTime now) {
    for (std::size_t i = 0; i < streams_; ++i) {
      if (queues_[i].size == 0) continue;
      const LocalTime until = deadline_after(queues_[i].at(0).entered, max_wait_);
      if (until <= now) return drop(i);
      next_deadline_ = std::min(next_deadline_, until);
    }
    return {Action::kWait, 0};
  }

  // All heads match. The first stream whose head had better make room for its successor; none
  // when the heads are the closest there are. Sets next_deadline_ when a closer one may come soon.
  std::size_t find_improvable(LocalTime now) {
    Times heads{};
    for (std::size_t i = 0; i < streams_; ++i) heads[i] = queues_[i].at(0).time;
    const Duration current = spread(heads);
    // While the streams go in step, a partner must be clearly closer. Else two streams half a frame
    // apart would change partners with every tremor of their stamps, and lose a frame each time.
    const Duration best_allowed = current - (in_step_ ? tolerance_ / 8 : Duration::zero());
    Duration best = best_allowed;
    std::size_t improvable = streams_;
    const std::size_t all = (std::size_t{1} << streams_) - 1;
    for (std::size_t replaced = 1; replaced < all; ++replaced) {
      const Alternative alternative = evaluate(heads, replaced, current, now);
      if (alternative.spread >= best) continue;
      if (alternative.wait_until != kNever) {
        next_deadline_ = std::min(next_deadline_, alternative.wait_until);
        continue;
      }
      best = alternative.spread;
      improvable = first_of(replaced);
    }
    if (improvable < streams_) next_deadline_ = kNever;
    return improvable;
  }

  struct Alternative {
    Duration spread = Duration::max();
    // Not kNever: the spread is what a frame that is not there yet could reach at best.
    LocalTime wait_until = kNever;
  };
  // What the heads would be with those of the streams in `replaced` (a set of bits, not all) gone.
  Alternative evaluate(const Times& heads, std::size_t replaced, Duration current,
                       LocalTime now) const {
    Alternative alternative;
    Duration least = Duration::max();
    Duration most = Duration::min();
    for (std::size_t i = 0; i < streams_; ++i) {
      const bool is_replaced = (replaced >> i & 1) != 0;
      if (is_replaced && queues_[i].size < 2) {
        // A closer frame was captured less than twice the spread after this head. When the
        // stream's delay stays what it is, it arrives as soon after it.
        const LocalTime until = deadline_after(queues_[i].at(0).entered, 2 * current);
        if (queues_[i].is_finished || until <= now) return {};
        alternative.wait_until = std::min(alternative.wait_until, until);
        // It may lie anywhere after the head: at best among the others.
        most = std::max(most, heads[i]);
        continue;
      }
      const Duration time = is_replaced ? queues_[i].at(1).time : heads[i];
      least = std::min(least, time);
      most = std::max(most, time);
    }
    alternative.spread = difference(most, std::min(least, most));
    return alternative;
  }
  static std::size_t first_of(std::size_t set) noexcept {
    std::size_t index = 0;
    while ((set >> index & 1) == 0) ++index;
    return index;
  }

  std::size_t streams_;
  Duration tolerance_;
  Duration max_wait_;
  std::array<Queue, kMaxStreams> queues_;
  LocalTime next_deadline_ = kNever;
  // Since the last match nothing was dropped.
  bool in_step_ = false;
};

}  // namespace echostream::internal
