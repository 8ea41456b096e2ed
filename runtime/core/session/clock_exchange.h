// Keeps what a session knows of its peer's clock: sends the probes and answers that ClockSync asks
// for, and tells it when they left and came (docs/protocol.md 8.1).
#pragma once

#include <cstdint>

#include "echostream/base/executor.h"

#include "runtime/core/session/transport_port.h"
#include "runtime/timing/clock_sync.h"

namespace echostream::core {

class ClockExchange final : private TimerNode {
 public:
  /// `seed`: any number; where the ids begin, and the random phase of the probes.
  ClockExchange(Executor& executor, TransportPort& transport, std::uint64_t seed);

  /// Begins to ask. Answers are given always.
  void start();
  void stop();
  /// Frames with stamps flow: the clock is wanted more exactly for a while.
  void note_media(LocalTime now);

  /// False: malformed.
  bool handle_request(LocalTime arrived, BytesView datagram);
  bool handle_reply(LocalTime arrived, BytesView datagram);
  void handle_sent(LocalTime at, std::uint64_t tag);
  void handle_path_change(LocalTime now);

  const timing::PeerClock& clock() const noexcept { return sync_.clock(); }

 private:
  void on_timer(LocalTime now) override;
  void arm();
  double chance();

  Executor& executor_;
  TransportPort& transport_;
  std::uint64_t random_;
  timing::ClockSync sync_;
  bool started_ = false;
  LocalTime media_until_{};
};

}  // namespace echostream::core
