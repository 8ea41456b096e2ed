#include "runtime/core/delivery/playout_buffer.h"

#include <algorithm>
#include <utility>

namespace echostream::core {
namespace {

// ITU-R BT.1359 puts the least skew of sound and picture that anybody notices at 45 ms; a third of
// that leaves room for what capture and display add.
constexpr Duration kDefaultMaxSkew = std::chrono::milliseconds(15);

}  // namespace

PlayoutBuffer::PlayoutBuffer(Executor& executor, Sink& sink, const Options& options)
    : executor_(executor),
      sink_(sink),
      options_(options),
      timing_(options.jitter_buffer, options.max_frames),
      frames_(options.max_frames),
      max_skew_(options.jitter_buffer.max_skew > Duration::zero() ? options.jitter_buffer.max_skew
                                                                  : kDefaultMaxSkew),
      next_(options.in_order ? 0 : options.first) {}

PlayoutBuffer::~PlayoutBuffer() {
  if (group_ != nullptr) group_->leave(member_, executor_.now());
}

void PlayoutBuffer::join(timing::SyncGroup& group, const timing::PeerClock& clock) {
  clock_ = &clock;
  const LocalTime now = executor_.now();
  const auto member = group.join(0, clock_offset(now), now);
  // A full group goes on without it.
  if (!member) return;
  group_ = &group;
  member_ = *member;
}

std::optional<Duration> PlayoutBuffer::clock_offset(LocalTime now) const {
  if (!clock_->is_known()) return std::nullopt;
  return clock_->estimate(now).offset;
}

void PlayoutBuffer::follow_group(LocalTime now) {
  if (group_ == nullptr) return;
  const timing::SyncUpdate update{timing_.required_offset(), timing_.offset(), clock_offset(now)};
  timing_.follow(group_->update(member_, update, now), max_skew_);
}

void PlayoutBuffer::add(LocalTime now, InboundMessage message) {
  if (ended_) return;
  const std::uint64_t sequence = options_.in_order ? expected_ : message.header.sequence;
  if (sequence < options_.first && !options_.in_order) {
    ++stats_.late;
    return;
  }
  const timing::FrameStamp stamp{sequence, message.header.capture_time, message.arrived_at};
  // For want of room it counts as lost; those before it are nearer to their time.
  // In order, has_room() has kept the sender from sending more than one too many.
  const bool has_bytes = held_bytes_ + message.message.size() <= options_.max_bytes;
  if (!has_bytes && !options_.in_order) return;
  switch (timing_.insert(stamp)) {
    case timing::JitterBuffer::Inserted::kDuplicate:
      ++stats_.duplicates;
      return;
    case timing::JitterBuffer::Inserted::kLate:
      ++stats_.late;
      return;
    case timing::JitterBuffer::Inserted::kQueued:
      break;
  }
  expected_ = std::max(expected_, sequence + 1);
  const std::size_t bytes = message.message.size();
  held_bytes_ += bytes;
  ++held_frames_;
  // The timing has given up what is that far behind, and will say so.
  if (const auto pushed_out = frames_.insert(sequence, std::move(message))) forget(*pushed_out);
  play(now);
}

void PlayoutBuffer::finish(LocalTime now, std::uint64_t total) {
  if (ended_) return;
  total_ = options_.in_order ? expected_ : std::max({total_, total, expected_});
  timing_.finish(total_, now);
  play(now);
}

void PlayoutBuffer::play(LocalTime now) {
  follow_group(now);
  while (const auto step = timing_.poll(now)) {
    switch (step->kind) {
      case timing::PlayoutStep::Kind::kPlay:
        play_frame(*step);
        break;
      case timing::PlayoutStep::Kind::kConceal:
        if (tells_gaps_) {
          InboundMessage gap;
          gap.is_gap = true;
          gap.playout_at = step->at;
          gap.duration = step->duration;
          sink_.on_sequenced(std::move(gap));
        }
        break;
      case timing::PlayoutStep::Kind::kGiveUp:
        give_up(*step);
        break;
      case timing::PlayoutStep::Kind::kEnd:
        end();
        return;
    }
  }
  executor_.arm(*this, timing_.next_deadline());
}

void PlayoutBuffer::end() {
  ended_ = true;
  disarm();
  const std::uint64_t lost = total_ > next_ ? total_ - next_ : 0;
  stats_.lost += lost;
  sink_.on_sequence_end(lost);
}

void PlayoutBuffer::play_frame(const timing::PlayoutStep& step) {
  auto message = frames_.take(step.sequence);
  if (!message) return;
  forget(*message);
  message->lost_before = step.sequence - next_;
  message->playout_at = step.at;
  message->duration = step.duration;
  stats_.lost += message->lost_before;
  ++stats_.delivered;
  next_ = step.sequence + 1;
  sink_.on_sequenced(*std::move(message));
}

void PlayoutBuffer::give_up(const timing::PlayoutStep& step) {
  // There may be very many of them, but few that are here.
  while (const auto first = frames_.first()) {
    if (*first < step.sequence || *first - step.sequence >= step.count) return;
    forget(*frames_.take(*first));
  }
}

void PlayoutBuffer::forget(const InboundMessage& message) {
  --held_frames_;
  held_bytes_ -= message.message.size();
}

void PlayoutBuffer::flush() {
  while (const auto sequence = frames_.first()) {
    timing::PlayoutStep step;
    step.sequence = *sequence;
    step.at = executor_.now();
    play_frame(step);
  }
  disarm();
}

}  // namespace echostream::core
