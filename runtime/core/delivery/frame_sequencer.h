// Restores the order of frames that arrive on their own (EXPIRING, DATAGRAM). A frame waits for an
// earlier one at most the hold time; what comes after its turn, or twice, is dropped and counted.
#pragma once

#include <cstdint>
#include <map>

#include "echostream/base/bytes.h"
#include "echostream/base/executor.h"

#include "runtime/core/frame/frames.h"

namespace echostream::core {

/// A message as the reader gets it.
struct InboundMessage {
  Buffer message;
  FrameHeader header;
  LocalTime arrived_at{};
  /// Frames missing between the one before and this one.
  std::uint64_t lost_before = 0;
};

struct ReceiverStats {
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;  // arrived after a later frame was delivered
  std::uint64_t duplicates = 0;
};

class FrameSequencer final : private TimerNode {
 public:
  class Sink {
   public:
    virtual void on_sequenced(InboundMessage message) = 0;
    /// After the last frame; `lost` frames of the end never came.
    virtual void on_sequence_end(std::uint64_t lost) = 0;

   protected:
    ~Sink() = default;
  };
  struct Options {
    Duration hold{};
    /// How long the end waits for frames still under way.
    Duration tail_wait = std::chrono::milliseconds(100);
    std::size_t max_frames = 256;
    std::size_t max_bytes = 4 * 1024 * 1024;
  };

  FrameSequencer(Executor& executor, Sink& sink, const Options& options)
      : executor_(executor), sink_(sink), options_(options) {}

  void add(LocalTime now, InboundMessage message);
  /// The sender is done after `total` frames (sequence numbers 0 to total - 1).
  void finish(LocalTime now, std::uint64_t total);
  const ReceiverStats& stats() const noexcept { return stats_; }
  std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  void on_timer(LocalTime now) override;
  void release(LocalTime now);
  void deliver_first();
  void end();
  LocalTime oldest_arrival() const;
  void arm();

  Executor& executor_;
  Sink& sink_;
  Options options_;
  ReceiverStats stats_;
  std::uint64_t next_ = 0;
  std::size_t held_bytes_ = 0;
  std::map<std::uint64_t, InboundMessage> held_;
  bool finishing_ = false;
  bool ended_ = false;
  std::uint64_t total_ = 0;
  LocalTime tail_until_ = kNever;
};

}  // namespace echostream::core
