// RELIABLE: frames follow each other on the call's own stream; the writer waits when the queue is
// long.
#pragma once

#include "runtime/core/delivery/frame_sender.h"

namespace echostream::core {

class ReliableSender final : public FrameSender {
 public:
  explicit ReliableSender(const SenderContext& context) : context_(context) {}
  void send(LocalTime now, const FrameHeader& header, Buffer message) override;
  bool is_writable() const override;
  void handle_progress(LocalTime) override {}
  SenderStats stats() const override { return stats_; }

 private:
  SenderContext context_;
  SenderStats stats_;
};

}  // namespace echostream::core
