// What a jitter buffer made of each frame of a trace: the file that `timing jitter` writes and
// `timing plot` reads.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

#include "tools/echostream/io/csv_reader.h"
#include "tools/echostream/timing/trace.h"

namespace echostream::tool {

inline constexpr CsvColumns kDecisionColumns{"seq,playout_us,state,dur_us", 1};

struct Decision {
  enum class State : std::uint8_t {
    kPlayed,
    kLate,       // it came, but after its turn was given up
    kLost,       // it never came
    kDropped,    // it was there in time, and given up to shorten the delay
    kConcealed,  // filler before the frame's turn, of which there may be several
  };
  State state = State::kPlayed;
  /// Its place in the order of capture.
  std::size_t frame = 0;
  /// On the receiver's clock. Played and concealed only.
  std::optional<Duration> at;
  /// Of filler; of a frame that is given up: what no filler stood for. None where played.
  std::optional<Duration> duration;
};

void write_decisions(std::ostream& out, const Trace& trace, const std::vector<Decision>& decisions);

/// `trace` is what was decided about: a frame that it does not hold is an error.
Result<std::vector<Decision>> read_decisions(std::istream& in, const std::string& file,
                                             const Trace& trace);

}  // namespace echostream::tool
