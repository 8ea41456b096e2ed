// How frames that were received reach their reader: in order as they come (FrameSequencer), or in
// time (PlayoutBuffer).
#pragma once

#include <cstdint>

#include "echostream/base/bytes.h"
#include "echostream/jitter_buffer.h"

#include "runtime/core/frame/frames.h"

namespace echostream::core {

/// A message as the reader gets it; or, for readers that asked for them, a gap in the playout.
struct InboundMessage {
  Buffer message;
  FrameHeader header;
  LocalTime arrived_at{};
  /// Frames missing between the one before and this one.
  std::uint64_t lost_before = 0;
  /// With a playout buffer: when it is to be played, and for how long.
  LocalTime playout_at{};
  Duration duration{};
  bool is_gap = false;
};

struct ReceiverStats {
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;  // arrived after a later frame was delivered
  std::uint64_t duplicates = 0;
};

class FrameReceiver {
 public:
  class Sink {
   public:
    virtual void on_sequenced(InboundMessage message) = 0;
    /// After the last frame; `lost` frames of the end never came.
    virtual void on_sequence_end(std::uint64_t lost) = 0;

   protected:
    ~Sink() = default;
  };

  virtual ~FrameReceiver() = default;
  virtual void add(LocalTime now, InboundMessage message) = 0;
  /// The sender is done after `total` frames (sequence numbers 0 to total - 1).
  virtual void finish(LocalTime now, std::uint64_t total) = 0;
  /// Hands everything out that is held, in order.
  virtual void flush() = 0;
  virtual const ReceiverStats& stats() const noexcept = 0;
  virtual std::size_t held_bytes() const noexcept = 0;
  virtual bool has_room() const noexcept = 0;
};

}  // namespace echostream::core
