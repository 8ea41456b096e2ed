// A stream of made-up frames and the jitter buffer that plays it, for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/timing/jitter_buffer.h"

namespace echostream::timing {

using namespace std::chrono_literals;

inline constexpr LocalTime kLocal{1'000s};
inline constexpr RemoteTime kRemote{50s};
inline constexpr Duration kInterval = 20ms;

/// A buffer whose owner polls at every deadline. Times are since the first frame's capture and
/// since it could have arrived.
class TestStream {
 public:
  explicit TestStream(const JitterBufferOptions& options = {}, std::size_t max_frames = 512)
      : buffer(options, max_frames) {}

  JitterBuffer::Inserted arrive(std::uint64_t sequence, Duration capture, Duration at) {
    advance(at);
    const auto result = buffer.insert({sequence, kRemote + capture, kLocal + at});
    drain(kLocal + at);
    return result;
  }
  /// Frame `sequence` as captured every 20 ms.
  JitterBuffer::Inserted arrive(std::uint64_t sequence, Duration delay) {
    const Duration capture = kInterval * static_cast<int>(sequence);
    return arrive(sequence, capture, capture + delay);
  }
  /// Frames of which each takes `delay`.
  void arrive_all(std::uint64_t from, std::uint64_t to, Duration delay) {
    for (std::uint64_t i = from; i < to; ++i) arrive(i, delay);
  }
  void advance(Duration to) {
    while (buffer.next_deadline() <= kLocal + to) drain(buffer.next_deadline());
  }
  void finish(std::uint64_t total, Duration at) {
    advance(at);
    buffer.finish(total, kLocal + at);
    drain(kLocal + at);
  }
  void drain(LocalTime now) {
    while (auto step = buffer.poll(now)) steps.push_back(*step);
  }

  std::vector<PlayoutStep> all(PlayoutStep::Kind kind) const {
    std::vector<PlayoutStep> found;
    for (const PlayoutStep& step : steps) {
      if (step.kind == kind) found.push_back(step);
    }
    return found;
  }
  const PlayoutStep* played(std::uint64_t sequence) const {
    for (const PlayoutStep& step : steps) {
      if (step.kind == PlayoutStep::Kind::kPlay && step.sequence == sequence) return &step;
    }
    return nullptr;
  }
  /// Playout time above capture time; the buffer's delay as long as the network takes none.
  Duration delay_of(std::uint64_t sequence) const {
    const PlayoutStep* step = played(sequence);
    return step == nullptr ? Duration(-1)
                           : step->at - kLocal - kInterval * static_cast<int>(sequence);
  }
  Duration filler() const {
    Duration sum{};
    for (const PlayoutStep& step : all(PlayoutStep::Kind::kConceal)) sum += step.duration;
    return sum;
  }

  JitterBuffer buffer;
  std::vector<PlayoutStep> steps;
};

}  // namespace echostream::timing
