// Messages of one call that arrived and that its reader has not taken yet. Bounded in number and
// bytes; an empty inbox always takes one, so that no limit can stop a call for good.
#pragma once

#include <cstdint>
#include <optional>

#include "echostream/limits.h"

#include "runtime/base/ring_queue.h"
#include "runtime/core/delivery/frame_receiver.h"

namespace echostream::core {

class Inbox {
 public:
  explicit Inbox(const Limits& limits) : limits_(limits) {}

  bool has_room() const noexcept {
    return messages_.empty() ||
           (messages_.size() < limits_.max_inbox_messages && bytes_ < limits_.max_inbox_bytes);
  }
  void push(InboundMessage message);
  /// Makes room by dropping the oldest, for the newest frames are worth more; the message behind
  /// each gap learns how much was lost.
  void push_newest(InboundMessage message);
  /// A gap of the playout, joined to the one before it where that still waits.
  void push_gap(InboundMessage gap);
  /// Drops what arrived before `time`; the next message, or the end, learns how much was lost.
  void drop_older_than(LocalTime time);
  std::optional<InboundMessage> take();
  void clear();

  bool empty() const noexcept { return messages_.empty(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::uint64_t taken() const noexcept { return taken_; }
  /// Dropped, with nothing behind them that could tell.
  std::uint64_t lost_at_end() const noexcept { return lost_; }

 private:
  InboundMessage pop();

  const Limits& limits_;
  RingQueue<InboundMessage> messages_;
  std::size_t bytes_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace echostream::core
