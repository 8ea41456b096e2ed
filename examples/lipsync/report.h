// The table at the end: how both tracks arrived and were played, and how well they fitted, in each
// viewing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "echostream/clock.h"

#include "viewing.h"

namespace lipsync {

/// Of many times: half of them are at most `median` long, and so on.
struct Spread {
  echostream::Duration median{};
  echostream::Duration p95{};
  echostream::Duration p99{};
  echostream::Duration most{};
};
/// None of none.
std::optional<Spread> spread_of(std::vector<echostream::Duration> times);

struct TrackFigures {
  std::uint64_t played = 0;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t dropped = 0;
  /// From capture to arrival, and to playout.
  std::optional<Spread> latency;
  echostream::Duration latency_bound{};
  std::optional<Spread> playout_delay;
  /// What the jitter buffer aimed at, above the network's least delay, on average.
  echostream::Duration target_delay{};
  /// What had to be filled, and how often.
  echostream::Duration concealed{};
  std::uint64_t concealment_events = 0;
  /// Handed out after the time it should have been.
  std::optional<Spread> overdue;
};

struct ViewingFigures {
  std::string title;
  TrackFigures voice;
  TrackFigures video;
  std::optional<echostream::SyncGroupStats> group;
  /// Distances without sign, of pictures that were shown while a voice frame played.
  std::optional<Spread> skew;
  /// With the sign: positive when the picture is behind.
  echostream::Duration median_skew{};
  std::optional<LipSync> lip_sync;
};

ViewingFigures figures_of(const Viewing& viewing);
/// A column for each viewing.
std::string report_table(const std::vector<ViewingFigures>& viewings,
                         const echostream::ClockEstimate& clock);

}  // namespace lipsync
