// Decides when each frame of a stream is played, from when it was captured and when it came. Holds
// stamps only; the frames themselves are its owner's. No clock, no I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "echostream/base/time.h"
#include "echostream/jitter_buffer.h"

#include "runtime/timing/capture_timeline.h"
#include "runtime/timing/delay_model.h"
#include "runtime/timing/frame_interval.h"
#include "runtime/timing/frame_ring.h"

namespace echostream::timing {

struct FrameStamp {
  std::uint64_t sequence = 0;
  /// On the sender's clock. Zero (in a frame that is not the first): not known.
  RemoteTime capture{};
  /// When the frame was complete, on ours.
  LocalTime arrived{};
};

/// What is to be done at `at`.
struct PlayoutStep {
  enum class Kind : std::uint8_t {
    kPlay,     // hand out frame `sequence`
    kConceal,  // it is not there: play filler for `duration`
    kGiveUp,   // the frames from `sequence` on, `count` of them, will not be played, for `reason`
    kEnd,      // nothing comes any more
  };
  enum class Reason : std::uint8_t { kNone, kLost, kLate, kDropped };

  Kind kind = Kind::kPlay;
  Reason reason = Reason::kNone;
  std::uint64_t sequence = 0;
  /// kGiveUp: how many frames in a row. More than one only where the sequence numbers leap further
  /// than the buffer holds, or where the stream ends. With kDropped some of them may never have
  /// come.
  std::uint64_t count = 1;
  LocalTime at{};
  /// kPlay: how long the frame should take to play: what lies between its capture and the next
  /// one's, longer or shorter where the delay is being changed. kConceal: how long to fill.
  /// kGiveUp: what of the frames no filler has stood for, so that it is missing without a trace.
  Duration duration{};
  /// kPlay: that much of the filler before it was silence of the sender's, not a gap.
  Duration silence_before{};
};

/// Use: insert() each frame as it comes; then, and at next_deadline(), poll(now) until it gives
/// nothing. Steps come in order of time, frames in order of sequence, each at most once; every
/// sequence number from the first inserted on ends up in one kPlay or one kGiveUp.
///
/// While nothing is there to play, filler comes in steps of some milliseconds, each announced when
/// it begins. After a second of filler none is announced any more, and there is no deadline: what
/// plays the stream is then better silent. When a frame comes, one kConceal that lies in the past
/// stands for that time.
class JitterBuffer {
 public:
  enum class Inserted : std::uint8_t { kQueued, kDuplicate, kLate };

  explicit JitterBuffer(const JitterBufferOptions& options, std::size_t max_frames = 512);

  Inserted insert(const FrameStamp& frame);
  /// The sender is done after `total` frames (0 to total - 1); those that may still come are waited
  /// for as long as the delay says.
  void finish(std::uint64_t total, LocalTime now);
  std::optional<PlayoutStep> poll(LocalTime now);
  /// kNever when only a frame can bring something new.
  LocalTime next_deadline() const;

  /// Local playout time minus remote capture time: what this stream needs by itself (least network
  /// delay and target), and where it is now. None before the first frame.
  std::optional<Duration> required_offset() const;
  std::optional<Duration> offset() const;
  /// Play at capture + `offset`, whatever this stream needs by itself; further away than
  /// `max_skew` jump, else stretch. None: by itself again.
  void follow(std::optional<Duration> offset, Duration max_skew);

  const JitterBufferStats& stats() const noexcept { return stats_; }

 private:
  using Step = std::optional<PlayoutStep>;
  /// A row of frames that were pushed out by others and are still to be reported.
  struct PushedOut {
    std::uint64_t sequence = 0;
    std::uint64_t count = 0;
    bool held_some = false;
  };

  double local(LocalTime time) const;
  LocalTime local_time(double time) const;
  std::int64_t epochs() const;
  void start(const FrameStamp& frame);
  Inserted insert_behind(const FrameStamp& frame);
  double learn(const FrameStamp& frame, double arrived);
  void push_out_before(std::uint64_t sequence);
  void schedule_start();

  // jitter_buffer_steps.cc: one step each, at cursor_.
  Step step(LocalTime now);
  Step step_with(const WaitingFrame& frame);
  Step step_without();
  Step leave_out(const WaitingFrame& frame, double excess);
  double missing_delay(const WaitingFrame& frame, bool after_silence, double excess) const;
  bool is_after_silence(const WaitingFrame& frame) const;
  double nominal_duration(const WaitingFrame& frame) const;
  double correction(double offset, double nominal) const;
  double silence_before(const WaitingFrame& frame) const;
  double wanted_offset() const;
  PlayoutStep play(const WaitingFrame& frame);
  void count_played(const WaitingFrame& frame, double change);
  PlayoutStep conceal(double duration);
  PlayoutStep give_up(PlayoutStep::Reason reason, double filled_before = 0);
  PlayoutStep give_up_pushed_out(LocalTime now);
  PlayoutStep give_up_rest();
  PlayoutStep make_step(PlayoutStep::Kind kind) const;

  JitterBufferOptions options_;
  FrameRing ring_;
  FrameInterval interval_;
  CaptureTimeline captures_;
  DelayModel model_;
  JitterBufferStats stats_;

  bool started_ = false;  // a frame is here, or the end is known
  bool playing_ = false;  // the first step was given
  bool idle_ = false;
  bool ended_ = false;
  LocalTime first_arrived_{};
  double last_transit_ = 0;

  double cursor_ = 0;          // when the next step is due, microseconds since the first arrival
  double offset_ = 0;          // playout time minus capture time of the last frame played
  double planned_offset_ = 0;  // of the next one, if it comes in time
  double filled_ = 0;          // filler since the last frame that no frame given up accounts for
  double gap_ = 0;             // all filler since the last frame
  Duration announced_{};       // the same, as it was announced
  double credit_ = 0;          // filler by which the playout is behind where it could be
  bool dropping_ = false;      // the frame before was left out to be less behind
  bool has_played_ = false;    // the rest is about the last frame played:
  std::uint64_t last_sequence_ = 0;
  double last_capture_ = 0;
  double last_nominal_ = 0;

  std::optional<std::uint64_t> total_;
  double give_up_rest_at_ = 0;
  std::optional<Duration> followed_;
  double max_skew_ = 0;
  std::array<PushedOut, 8> pushed_out_{};
  std::size_t pushed_out_size_ = 0;
};

}  // namespace echostream::timing
