// The buffer between the network and the user of a timed stream: what can be chosen, what it
// counts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "echostream/base/status.h"
#include "echostream/base/time.h"

namespace echostream {

/// What a millisecond of delay is worth against a percent of frames that come too late: 5, 20 and
/// 60 ms for each percent.
enum class PlayoutProfile : std::uint8_t {
  kLowLatency,  // games, remote control, intercoms
  kBalanced,    // calls
  kStrict,      // broadcast, recording: few interruptions
};

/// What happens when the next frame is not there at its time.
enum class LatePolicy : std::uint8_t {
  kAuto,  // wait while the measured network says that the whole stream has become later, else skip
  kSkip,  // the timeline goes on; a frame that comes after its time is given up
  kWait,  // wait for every frame that may still come; nothing that arrives is ever given up
};

/// Of one stream. Zero means: the runtime's default, here in brackets.
struct JitterBufferOptions {
  /// False: frames are handed out as they arrive.
  bool enabled = false;
  PlayoutProfile profile = PlayoutProfile::kBalanced;
  LatePolicy late_policy = LatePolicy::kAuto;
  /// Bounds of the delay above the least that the network shows [0, 2 s].
  Duration min_delay{};
  Duration max_delay{};
  /// Before anything is known of the network [60 ms].
  Duration initial_delay{};
  /// Frames that may come too late, however much delay that costs, as a share of all [0.1]. Not
  /// kept where the network is such that no delay would keep it.
  double max_late_share = 0;
  /// How much faster or slower than captured frames may be played while the delay changes, as a
  /// share [0.12].
  double max_stretch = 0;
  /// Members of a sync group further than that from the common time jump instead of stretching
  /// [15 ms].
  Duration max_skew{};
};

/// INVALID_ARGUMENT when a value is out of range, or a bound contradicts another; says which.
Status check(const JitterBufferOptions& options);

/// Counts and sums since the stream began, named as in WebRTC's getStats where it has them
/// (RTCInboundRtpStreamStats). Delays count from a frame's arrival to its playout.
struct JitterBufferStats {
  std::uint64_t frames_emitted = 0;
  /// Sum over the emitted frames; divide by frames_emitted for the mean.
  Duration delay_sum{};
  Duration target_delay_sum{};
  Duration minimum_delay_sum{};
  /// Now: what the buffer aims at, and where the last frame was (both above the least delay of the
  /// network).
  Duration target_delay{};
  Duration current_delay{};
  /// Mean deviation of the network's delay from frame to frame (RFC 3550, 6.4.1).
  Duration jitter{};
  std::uint64_t frames_lost = 0;       // never came before their turn was given up
  std::uint64_t frames_late = 0;       // came after their turn was given up
  std::uint64_t frames_dropped = 0;    // here in time, given up to shorten the delay or for room
  std::uint64_t frames_reordered = 0;  // arrived behind a later one
  std::uint64_t frames_duplicate = 0;
  /// Filler while a frame was missing, and how often it began.
  Duration concealed{};
  std::uint64_t concealment_events = 0;
  /// Filler where the sender itself sent nothing (silence, DTX).
  Duration silent_concealed{};
  /// Played slower or faster than captured.
  Duration inserted_for_deceleration{};
  Duration removed_for_acceleration{};
  /// Interruptions of more than 150 ms (for video: freezes).
  std::uint64_t freezes = 0;
  Duration freeze_duration{};
};

/// The streams of one session that are received with one sync group, played with one common delay.
struct SyncGroupStats {
  std::size_t members = 0;
  std::size_t in_step = 0;
  /// Hopelessly slow ones, which play by themselves until they have caught up.
  std::size_t left_out = 0;
  /// From capture to playout, once the session's clock is known; before that it is above an
  /// arbitrary zero.
  Duration delay{};
  /// Between the earliest and the latest member in step: now, and over the last minute or two.
  Duration skew{};
  Duration skew_p95{};
  Duration skew_p99{};
};

/// What the receiver of a stream last said about it. It says something about five times a second
/// while frames arrive.
struct StreamFeedback {
  /// Since the stream began: how many frames came, how many of those sent did not (yet), how many
  /// came after their turn.
  std::uint64_t frames_received = 0;
  std::uint64_t frames_missing = 0;
  std::uint64_t frames_late = 0;
  /// Between the last two reports: frames that did not come, as a share of those that were due.
  double recent_loss = 0;
  Duration jitter{};
  /// What its jitter buffer adds to the least network delay; zero without a jitter buffer.
  Duration target_delay{};
  /// From capture to playout, by the session's clock; zero while that is not known.
  Duration playout_delay{};
  LocalTime received_at{};
};

}  // namespace echostream
