// Made-up networks: when the frames of a stream are captured and when they arrive. Seeded models of
// what Ethernet, Wi-Fi, mobile and satellite links do to a stream; no traffic is recorded anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "echostream/base/time.h"

namespace echostream::testing {

struct TracedFrame {
  std::uint64_t sequence = 0;
  RemoteTime capture{};
  std::optional<LocalTime> arrived;  // none: lost
  std::optional<LocalTime> copy;     // a duplicate that comes later
};

/// All of it adds up; what is zero or empty does not happen.
struct DelayTraceOptions {
  struct Event {
    Duration at{};
    Duration length{};
  };

  std::size_t frames = 3'000;
  Duration interval = std::chrono::milliseconds(20);
  /// Captures deviate from the interval by up to that.
  Duration capture_jitter{};
  Duration least_delay = std::chrono::milliseconds(30);
  /// Mean of a gamma distribution of shape 2 above the least delay.
  Duration jitter{};
  /// The network keeps the order of the frames, except those on a detour.
  double detours = 0;
  Duration detour{};
  double loss = 0;
  double mean_loss_run = 1;
  double duplicates = 0;
  /// Nothing arrives for a while, then all at once (Wi-Fi contention): per second, and the median
  /// of a lognormal length.
  double holds_per_second = 0;
  Duration hold{};
  /// A longer hold at regular intervals (Wi-Fi scans, handovers of satellites).
  Duration scan_period{};
  Duration scan{};
  /// The least delay is drawn anew at each scan, within this.
  Duration scan_steps{};
  /// From `at` on the least delay is longer (or shorter) by `length`.
  std::vector<Event> route_steps;
  /// What is sent during an outage is lost.
  std::vector<Event> outages;
  /// A queue in front of a link whose capacity wanders: its mean in frames per second, and by how
  /// much its logarithm wanders in a second.
  double capacity = 0;
  double capacity_wander = 0;
  /// Mean lengths of talk and silence; the sender sends nothing in silence.
  Duration talk{};
  Duration silence{};
  /// The sender's clock is slow by so much.
  double skew_ppm = 0;
};

std::vector<TracedFrame> make_delay_trace(const DelayTraceOptions& options, std::uint64_t seed);

struct NamedDelayTrace {
  std::string name;
  DelayTraceOptions options;

  friend std::ostream& operator<<(std::ostream& out, const NamedDelayTrace& trace) {
    return out << trace.name;
  }
};

/// One of each kind of network.
std::vector<NamedDelayTrace> usual_networks();

}  // namespace echostream::testing
