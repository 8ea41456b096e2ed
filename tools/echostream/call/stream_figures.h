// What a stream was like over a second or so: for `echostream watch`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/clock.h"
#include "echostream/jitter_buffer.h"
#include "echostream/session.h"
#include "echostream/stream.h"

#include "tools/echostream/io/latency_histogram.h"

namespace echostream::tool {

/// What is known beside the messages themselves.
struct StreamSurroundings {
  std::optional<JitterBufferStats> jitter_buffer;
  std::optional<ClockEstimate> clock;
  std::optional<SessionStats> session;
};

/// Of one interval, but for what is said to be of all.
struct StreamReport {
  double seconds = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t all_messages = 0;
  std::uint64_t all_lost = 0;
  /// From capture to arrival; no samples while the peer's clock is not known.
  LatencyHistogram latency;
  /// How far the clock may be wrong, at most.
  Duration latency_bound{};
  StreamSurroundings around;
};

class StreamFigures {
 public:
  void add(const Frame<Buffer>& frame);
  /// What there was since the last time, `elapsed` ago.
  StreamReport take(Duration elapsed, StreamSurroundings around);

 private:
  StreamReport now_;
  std::uint64_t all_messages_ = 0;
  std::uint64_t all_lost_ = 0;
};

/// Some lines, for a terminal.
std::vector<std::string> report_table(const StreamReport& report);
/// One line.
std::string report_line(const StreamReport& report);
std::string report_json(const StreamReport& report);

std::string_view to_string(ClockState state);

}  // namespace echostream::tool
