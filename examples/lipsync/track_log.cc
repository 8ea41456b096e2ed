#include "track_log.h"

#include <algorithm>
#include <fstream>
#include <iomanip>

namespace lipsync {

using echostream::Duration;
using echostream::LocalTime;
using echostream::RemoteTime;
using echostream::Status;
using echostream::StatusCode;

namespace {

// An hour of voice; a show has ten minutes.
constexpr std::size_t kMostFrames = 180'000;
// What rounding may leave between two frames.
constexpr Duration kSeam = std::chrono::microseconds(10);

// Wraps where stamps that a peer made up are too far apart for a Duration.
Duration between(RemoteTime from, RemoteTime to) {
  const auto bits = [](RemoteTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  };
  return Duration(static_cast<Duration::rep>(bits(to) - bits(from)));
}

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

}  // namespace

void TrackLog::add(const PlayedFrame& frame) {
  ++played_;
  if (frames_.size() < kMostFrames) frames_.push_back(frame);
}

std::optional<Duration> skew_of(const PlayedFrame& picture, const TrackLog& voice,
                                Duration frame_length) {
  const auto& frames = voice.frames();
  const LocalTime shown_at = picture.handed_out_at;
  auto next = std::upper_bound(
      frames.begin(), frames.end(), shown_at,
      [](LocalTime time, const PlayedFrame& frame) { return time < frame.playout_at; });
  if (next == frames.begin()) return std::nullopt;
  const PlayedFrame& playing = *--next;
  const Duration into = shown_at - playing.playout_at;
  if (playing.duration <= Duration::zero() || into > playing.duration + kSeam) return std::nullopt;
  // A frame that is played slower or faster is heard slower or faster.
  const double share =
      static_cast<double>(into.count()) / static_cast<double>(playing.duration.count());
  const Duration heard_of_frame(
      static_cast<Duration::rep>(share * static_cast<double>(frame_length.count())));
  return between(picture.capture, playing.capture) + heard_of_frame;
}

Status write_csv(const std::string& path, const TrackLog& log, LocalTime start,
                 const std::vector<std::optional<Duration>>& skews) {
  std::ofstream out(path, std::ios::trunc);
  out << std::fixed << std::setprecision(3);
  out << "sequence,captured_ms,arrived_ms,playout_ms,handed_out_ms,bytes,skew_ms\n";
  const auto& frames = log.frames();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const PlayedFrame& frame = frames[i];
    out << frame.sequence << ',' << milliseconds(frame.captured_at - start) << ','
        << milliseconds(frame.arrived_at - start) << ',' << milliseconds(frame.playout_at - start)
        << ',' << milliseconds(frame.handed_out_at - start) << ',' << frame.bytes << ',';
    if (i < skews.size() && skews[i]) out << milliseconds(*skews[i]);
    out << '\n';
  }
  out.flush();
  if (!out) return {StatusCode::kUnavailable, "cannot write " + path};
  return Status::ok();
}

}  // namespace lipsync
