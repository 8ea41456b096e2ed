// Moves the sessions that a node dialled when the address they use goes away, or another one is
// better: from Wi-Fi to a mobile network, or to a VPN.
#pragma once

#include <memory>
#include <vector>

#include "echostream/loop.h"

#include "runtime/api/limited_log.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {

class AddressWatch final : private TimerNode {
 public:
  using Sessions = std::vector<std::shared_ptr<SessionState>>;

  /// `sessions` and `context` outlive it. UNAVAILABLE or UNIMPLEMENTED when the loop does not watch
  /// the network.
  static Result<std::unique_ptr<AddressWatch>> open(Loop& loop, const Sessions& sessions,
                                                    NodeContext& context);

 private:
  AddressWatch(Loop& loop, const Sessions& sessions, NodeContext& context)
      : loop_(loop), sessions_(sessions), log_(context) {}
  void on_timer(LocalTime now) override;

  Loop& loop_;
  const Sessions& sessions_;
  LimitedLog log_;
  Duration retry_after_{};
  std::unique_ptr<Pending> network_;
};

}  // namespace echostream::internal
