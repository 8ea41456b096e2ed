// Plays voice out at a fixed delay after its capture: what comes later than that is late, what does
// not come leaves a gap. This version of EchoStream hands frames out as they arrive; a jitter
// buffer in the runtime would take this file's place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "audio_format.h"

namespace intercom {

/// The peer's stamp on our clock. True only where both processes run on one machine, whose
/// monotonic clock they share. Between two machines the clocks have to be compared first.
echostream::LocalTime on_shared_clock(echostream::RemoteTime stamp);

class FixedPlayout {
 public:
  explicit FixedPlayout(echostream::Duration delay) : delay_(delay) {}

  /// Keeps a frame until its turn. False: its turn is over, or so far away that it cannot be right.
  bool add(std::uint64_t sequence, echostream::LocalTime captured_at, std::string frame);
  /// When the turn of the next frame is, here or not; nothing before the first one came.
  std::optional<echostream::LocalTime> next_time() const;
  /// Ends that turn; nothing when the frame is not here.
  std::optional<std::string> take_next();
  /// No frame waits for its turn.
  bool empty() const noexcept { return waiting_.empty(); }

 private:
  echostream::Duration delay_;
  std::map<std::uint64_t, std::string> waiting_;
  // Sequence number and capture time of the frame whose turn is next. Captures are kFrameLength
  // apart.
  std::uint64_t next_ = 0;
  std::optional<echostream::LocalTime> next_captured_at_;
};

}  // namespace intercom
