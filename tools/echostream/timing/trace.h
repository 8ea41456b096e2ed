// A recorded stream: when each frame was captured and when it was complete at the receiver.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

#include "tools/echostream/io/csv_reader.h"

namespace echostream::tool {

inline constexpr CsvColumns kTraceColumns{"seq,send_us,arrival_us"};

struct TraceFrame {
  /// Since the epoch of the sender's clock.
  Duration sent{};
  /// Since that of the receiver's: when the first copy of its last packet came. None: one of its
  /// packets never did.
  std::optional<Duration> arrived;
  /// Of its first packet.
  std::uint64_t first_packet = 0;
};

/// A frame, or once more one that was complete already.
struct TraceArrival {
  Duration at{};
  std::size_t frame = 0;
};

struct Trace {
  /// In the order of capture.
  std::vector<TraceFrame> frames;
  /// In the order of time.
  std::vector<TraceArrival> arrivals;
  /// The first in capture of those that came; none when none did.
  std::optional<std::size_t> origin;

  /// The median time between two frames; zero when there are fewer.
  Duration frame_interval() const;
  /// The least delay that the network showed about the time of each frame, whatever clocks that
  /// run at different rates make of it: the lower convex hull of all delays. On the scale of
  /// delay_ms(); empty when no frame came.
  std::vector<double> least_delays_ms() const;
  /// From a frame's capture to `time` at the receiver, more than what the origin's arrival took:
  /// the clocks' distance is not known. 0 without an origin.
  double delay_ms(std::size_t frame, Duration time) const;
};

/// Rows with one send time are packets of one frame, rows with one number copies of one packet.
Result<Trace> read_trace(std::istream& in, const std::string& file);

}  // namespace echostream::tool
