// How well a stream was played out, in a few numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "echostream/jitter_buffer.h"

#include "tools/echostream/timing/decisions.h"
#include "tools/echostream/timing/trace.h"

namespace echostream::tool {

struct PlayoutSummary {
  std::uint64_t frames = 0;
  std::uint64_t played = 0;
  std::uint64_t late = 0;
  std::uint64_t lost = 0;
  std::uint64_t dropped = 0;
  /// From capture to playout, above the least network delay (Trace::least_delays_ms()), over the
  /// frames that were played.
  double mean_delay_ms = 0;
  double p95_delay_ms = 0;
  /// Time that was filled or left out because of the buffer, as a share of the stream. What lost
  /// frames would have taken does not count: no buffer could have played them.
  double concealed_percent = 0;
  /// Runs of frames not played, where that is more than loss.
  double interruptions_per_minute = 0;
};

PlayoutSummary summarize(const Trace& trace, const std::vector<Decision>& decisions);

/// Some lines of text for people.
std::string to_text(const PlayoutSummary& summary);
/// One object, with the buffer's own statistics under the names of WebRTC's getStats.
std::string to_json(const PlayoutSummary& summary, const JitterBufferStats& stats);

}  // namespace echostream::tool
