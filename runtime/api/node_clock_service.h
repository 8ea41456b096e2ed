// The clock that a node shares with others: feeds timing::NodeClock with what the sessions know of
// their peers' clocks, and tells the peers.
#pragma once

#include <cstdint>

#include "echostream/node.h"

#include "runtime/api/session_state.h"
#include "runtime/timing/node_clock.h"

namespace echostream::internal {

class NodeClockService final : private TimerNode {
 public:
  /// `sessions` is the node's own list.
  NodeClockService(Executor& executor, const std::vector<std::shared_ptr<SessionState>>& sessions,
                   timing::NodeId self, std::uint64_t timescale, const SharedClockOptions& options);

  void handle_report(SessionState& session, const timing::NodeClockReport& report);
  void forget(const SessionState& session);
  const timing::NodeClock& clock() const noexcept { return clock_; }

 private:
  void on_timer(LocalTime now) override;
  void tell_peers(LocalTime now);

  Executor& executor_;
  const std::vector<std::shared_ptr<SessionState>>& sessions_;
  timing::NodeClock clock_;
  timing::NodeClockReport report_;  // its memory is used again
  LocalTime next_report_{};
};

}  // namespace echostream::internal
