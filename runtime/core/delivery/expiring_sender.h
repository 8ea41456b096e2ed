// EXPIRING: each frame travels on a unidirectional stream of its own, which is reset once the frame
// is older than max_age, so that a late frame never holds up the next one.
#pragma once

#include <deque>

#include "runtime/core/delivery/frame_sender.h"

namespace echostream::core {

class ExpiringSender final : public FrameSender, private TimerNode {
 public:
  explicit ExpiringSender(const SenderContext& context) : context_(context) {}
  ~ExpiringSender() override;
  void send(LocalTime now, const FrameHeader& header, Buffer message) override;
  /// Always: what cannot be sent in time is given up, waiting would only make it older.
  bool is_writable() const override { return true; }
  void handle_progress(LocalTime now) override;
  void handle_stream_closed(StreamId id) override;
  void give_up_all(WireError code) override;
  bool is_idle() const override { return in_flight_.empty(); }
  SenderStats stats() const override { return stats_; }

 private:
  struct InFlight {
    LocalTime expires_at;
    StreamId stream;  // invalid while it waits for stream credit
    FrameHeader header;
    Buffer message;
  };
  void on_timer(LocalTime now) override { give_up_stale(now); }
  bool open_and_write(InFlight& frame);
  void give_up(const InFlight& frame, WireError code);
  void give_up_stale(LocalTime now);
  void arm();

  SenderContext context_;
  SenderStats stats_;
  // In the order of sending. They expire by capture time, which may be another order.
  std::deque<InFlight> in_flight_;
};

}  // namespace echostream::core
