// DATAGRAM: one QUIC datagram a frame, or numbered fragments when the frame is larger than that.
#pragma once

#include "runtime/core/delivery/frame_sender.h"

namespace echostream::core {

class DatagramSender final : public FrameSender {
 public:
  explicit DatagramSender(const SenderContext& context) : context_(context) {}
  void send(LocalTime now, const FrameHeader& header, Buffer message) override;
  bool is_writable() const override { return true; }
  void handle_progress(LocalTime) override {}
  SenderStats stats() const override { return stats_; }

 private:
  void send_fragments(const DatagramHeader& header, const Buffer& message, LocalTime expires_at);

  SenderContext context_;
  SenderStats stats_;
};

}  // namespace echostream::core
