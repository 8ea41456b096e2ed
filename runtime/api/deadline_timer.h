// Ends the calls that a node serves when their time is up.
#pragma once

#include "echostream/internal/server_call.h"

#include "runtime/api/session_state.h"

namespace echostream::internal {

/// Answers DEADLINE_EXCEEDED, whatever the handler and the layers around it are doing.
class CallDeadlineTimer final : public TimerNode {
 public:
  explicit CallDeadlineTimer(ServerCall& call) : call_(call) { arm(); }
  /// Again, for a deadline that has changed.
  void arm() { call_.session()->executor().arm(*this, call_.context().deadline()); }

 private:
  void on_timer(LocalTime) override {
    call_.finish_now(Status(StatusCode::kDeadlineExceeded, "the call's deadline has passed"));
    call_.context().cancel();
  }
  ServerCall& call_;
};

}  // namespace echostream::internal
