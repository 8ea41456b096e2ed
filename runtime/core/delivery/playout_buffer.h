// Frames on their way to a reader that wants them in time: timing::JitterBuffer says when, this
// holds them until then.
#pragma once

#include <algorithm>
#include <cstdint>

#include "echostream/base/executor.h"

#include "runtime/core/delivery/frame_receiver.h"
#include "runtime/core/delivery/sequence_ring.h"
#include "runtime/timing/jitter_buffer.h"
#include "runtime/timing/peer_clock.h"
#include "runtime/timing/sync_group.h"

namespace echostream::core {

class PlayoutBuffer final : public FrameReceiver, private TimerNode {
 public:
  struct Options {
    JitterBufferOptions jitter_buffer;
    /// Frames come in order: one that is missing will not come (RELIABLE), and nobody waits for it.
    bool in_order = false;
    /// The first that is still to be handed out.
    std::uint64_t first = 0;
    /// A power of two.
    std::size_t max_frames = 256;
    std::size_t max_bytes = 4 * 1024 * 1024;
  };

  /// References outlive the buffer.
  PlayoutBuffer(Executor& executor, Sink& sink, const Options& options);
  ~PlayoutBuffer() override;

  /// Plays together with the other members, which are of the same session. Group and clock outlive
  /// the buffer.
  void join(timing::SyncGroup& group, const timing::PeerClock& clock);

  void add(LocalTime now, InboundMessage message) override;
  void finish(LocalTime now, std::uint64_t total) override;
  void flush() override;
  const ReceiverStats& stats() const noexcept override { return stats_; }
  std::size_t held_bytes() const noexcept override { return held_bytes_; }
  bool has_room() const noexcept override {
    return held_frames_ < std::max<std::size_t>(options_.max_frames / 2, 1) &&
           held_bytes_ < options_.max_bytes / 2;
  }

  /// Gaps are handed out too, as messages that are none.
  void tell_gaps() noexcept { tells_gaps_ = true; }
  const timing::JitterBuffer& timing() const noexcept { return timing_; }

 private:
  void on_timer(LocalTime now) override { play(now); }
  void follow_group(LocalTime now);
  std::optional<Duration> clock_offset(LocalTime now) const;
  void play(LocalTime now);
  void play_frame(const timing::PlayoutStep& step);
  void give_up(const timing::PlayoutStep& step);
  void forget(const InboundMessage& message);
  void end();

  Executor& executor_;
  Sink& sink_;
  const Options options_;
  timing::JitterBuffer timing_;
  timing::SyncGroup* group_ = nullptr;
  const timing::PeerClock* clock_ = nullptr;
  timing::SyncGroup::MemberId member_ = 0;
  SequenceRing<InboundMessage> frames_;
  const Duration max_skew_;
  ReceiverStats stats_;
  std::size_t held_frames_ = 0;
  std::size_t held_bytes_ = 0;
  std::uint64_t next_;          // the next to be handed out
  std::uint64_t expected_ = 0;  // one more than the highest that came
  std::uint64_t total_ = 0;
  bool tells_gaps_ = false;
  bool ended_ = false;
};

}  // namespace echostream::core
