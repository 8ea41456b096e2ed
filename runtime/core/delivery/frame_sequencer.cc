#include "runtime/core/delivery/frame_sequencer.h"

#include <algorithm>
#include <utility>

namespace echostream::core {

void FrameSequencer::add(LocalTime now, InboundMessage message) {
  if (ended_) return;
  const std::uint64_t sequence = message.header.sequence;
  if (sequence < next_) {
    ++stats_.late;
    return;
  }
  const std::size_t bytes = message.message.size();
  if (!held_.emplace(sequence, std::move(message)).second) {
    ++stats_.duplicates;
    return;
  }
  held_bytes_ += bytes;
  release(now);
}

void FrameSequencer::finish(LocalTime now, std::uint64_t total) {
  if (finishing_ || ended_) return;
  finishing_ = true;
  total_ = total;
  tail_until_ = deadline_after(now, std::max(options_.tail_wait, options_.hold));
  release(now);
}

void FrameSequencer::flush() {
  while (!held_.empty()) deliver_first();
  arm();
}

// Delivers every frame that is next, that has waited its time, or that there is no room to hold.
void FrameSequencer::release(LocalTime now) {
  while (!held_.empty()) {
    const bool is_next = held_.begin()->first == next_;
    const bool no_room = held_.size() > options_.max_frames || held_bytes_ > options_.max_bytes;
    // Whoever has waited its time goes, and with it what comes before.
    if (!is_next && !no_room && deadline_after(oldest_arrival(), options_.hold) > now) break;
    deliver_first();
  }
  if (finishing_ && (next_ >= total_ || now >= tail_until_)) {
    while (!held_.empty()) deliver_first();
    end();
    return;
  }
  arm();
}

void FrameSequencer::deliver_first() {
  InboundMessage message = std::move(held_.extract(held_.begin()).mapped());
  held_bytes_ -= message.message.size();
  message.lost_before = message.header.sequence - next_;
  stats_.lost += message.lost_before;
  next_ = message.header.sequence + 1;
  ++stats_.delivered;
  sink_.on_sequenced(std::move(message));
}

void FrameSequencer::end() {
  ended_ = true;
  disarm();
  const std::uint64_t lost = total_ > next_ ? total_ - next_ : 0;
  stats_.lost += lost;
  sink_.on_sequence_end(lost);
}

LocalTime FrameSequencer::oldest_arrival() const {
  LocalTime oldest = kNever;
  for (const auto& [sequence, message] : held_) oldest = std::min(oldest, message.arrived_at);
  return oldest;
}

void FrameSequencer::arm() {
  const LocalTime deadline = finishing_ ? tail_until_ : kNever;
  executor_.arm(*this, held_.empty()
                           ? deadline
                           : std::min(deadline, deadline_after(oldest_arrival(), options_.hold)));
}

void FrameSequencer::on_timer(LocalTime now) { release(now); }

}  // namespace echostream::core
