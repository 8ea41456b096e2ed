// Restores the order of frames that arrive on their own (EXPIRING, DATAGRAM). A frame waits for an
// earlier one at most the hold time; what comes after its turn, or twice, is dropped and counted.
#pragma once

#include <cstdint>
#include <map>

#include "echostream/base/executor.h"

#include "runtime/core/delivery/frame_receiver.h"

namespace echostream::core {

class FrameSequencer final : public FrameReceiver, private TimerNode {
 public:
  struct Options {
    /// The first that is still to be handed out.
    std::uint64_t first = 0;
    Duration hold{};
    /// How long the end waits for frames still under way.
    Duration tail_wait = std::chrono::milliseconds(100);
    std::size_t max_frames = 256;
    std::size_t max_bytes = 4 * 1024 * 1024;
  };

  FrameSequencer(Executor& executor, Sink& sink, const Options& options)
      : executor_(executor), sink_(sink), options_(options), next_(options.first) {}

  void add(LocalTime now, InboundMessage message) override;
  void finish(LocalTime now, std::uint64_t total) override;
  void flush() override;
  const ReceiverStats& stats() const noexcept override { return stats_; }
  std::size_t held_bytes() const noexcept override { return held_bytes_; }
  bool has_room() const noexcept override { return true; }

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
  std::uint64_t next_;
  std::size_t held_bytes_ = 0;
  std::map<std::uint64_t, InboundMessage> held_;
  bool finishing_ = false;
  bool ended_ = false;
  std::uint64_t total_ = 0;
  LocalTime tail_until_ = kNever;
};

}  // namespace echostream::core
