// Plays a made-up network's frames through a jitter buffer, as its owner would, and notices when
// the buffer breaks a promise of its header.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "echostream/jitter_buffer.h"

#include "runtime/timing/jitter_buffer.h"
#include "tests/support/delay_trace.h"

namespace echostream::testing {

struct PlayoutRun {
  struct Played {
    std::uint64_t sequence = 0;
    LocalTime at{};
    Duration duration{};
    /// Since the capture, above the least that any frame of the trace took.
    Duration delay{};
  };

  std::vector<Played> played;
  std::vector<timing::PlayoutStep> steps;
  std::size_t given_up = 0;
  /// Filler that was not the sender's silence, and frames given up that no filler stood for.
  Duration missing{};
  JitterBufferStats stats;
  /// What was broken first; empty when all was kept.
  std::string broken;

  Duration mean_delay() const;
  /// In milliseconds: mean delay, and 20 for each percent of the trace that was missing and not
  /// lost on the way.
  double cost(const std::vector<TracedFrame>& trace, Duration interval) const;
};

PlayoutRun play(const std::vector<TracedFrame>& trace, const JitterBufferOptions& options,
                std::size_t max_frames = 512);

/// The cost of the best delay that could have been chosen for each five seconds, had one known
/// them beforehand.
double best_cost_in_hindsight(const std::vector<TracedFrame>& trace);

}  // namespace echostream::testing
