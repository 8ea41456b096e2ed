// What became of every frame of a track, and which part of the sound was heard with which picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/stream.h"

namespace lipsync {

struct PlayedFrame {
  std::uint64_t sequence = 0;
  echostream::RemoteTime capture{};
  /// The same on the seat's clock.
  echostream::LocalTime captured_at{};
  echostream::LocalTime arrived_at{};
  /// When it was to be played, when it was, and for how long.
  echostream::LocalTime playout_at{};
  echostream::LocalTime handed_out_at{};
  echostream::Duration duration{};
  std::optional<echostream::Latency> latency;
  std::size_t bytes = 0;
};

template <class T>
PlayedFrame played_frame(const echostream::Frame<T>& frame, echostream::LocalTime captured_at,
                         echostream::LocalTime now) {
  PlayedFrame played;
  played.sequence = frame.sequence;
  played.capture = frame.capture_time;
  played.captured_at = captured_at;
  played.arrived_at = frame.arrival_time;
  played.playout_at = frame.playout_time;
  played.handed_out_at = now;
  played.duration = frame.duration;
  played.latency = frame.latency;
  played.bytes = frame.message.ByteSizeLong();
  return played;
}

/// In the order of playout. Bounded: more than a show can have is counted, not kept.
class TrackLog {
 public:
  void add(const PlayedFrame& frame);
  void add_lost(std::uint64_t count) { lost_ += count; }

  const std::vector<PlayedFrame>& frames() const noexcept { return frames_; }
  std::uint64_t played() const noexcept { return played_; }
  /// Not played, whatever the reason.
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  std::vector<PlayedFrame> frames_;
  std::uint64_t played_ = 0;
  std::uint64_t lost_ = 0;
};

/// A picture's distance from the sound that is heard when the picture is shown, in time of the
/// show; positive: the picture is behind. None while no frame of the voice is playing.
/// `frame_length`: how much of the show a frame of the voice is.
std::optional<echostream::Duration> skew_of(const PlayedFrame& picture, const TrackLog& voice,
                                            echostream::Duration frame_length);

/// A line for each frame, times in ms since `start`: sequence, captured, arrived, playout, handed
/// out, bytes, and the skew where there is one (`skews`: one for each frame, or empty).
echostream::Status write_csv(const std::string& path, const TrackLog& log,
                             echostream::LocalTime start,
                             const std::vector<std::optional<echostream::Duration>>& skews);

}  // namespace lipsync
