// Tells an encoder when what its stream may send has changed.
#pragma once

#include <cstdint>
#include <memory>

#include "echostream/base/executor.h"
#include "echostream/base/unique_function.h"

namespace echostream::internal {

class CallState;

class BitrateWatch final : private TimerNode {
 public:
  using Callback = UniqueFunction<void(std::uint64_t)>;
  /// The call owns it, and has a stream.
  BitrateWatch(CallState& call, Callback callback);

 private:
  void on_timer(LocalTime now) override;

  CallState& call_;
  // Shared with a call that is under way: the callback may end the watch.
  std::shared_ptr<Callback> callback_;
  std::uint64_t told_ = 0;
};

/// In bits per second; 0: not known, or the call is over.
std::uint64_t target_bitrate_of(const CallState& call);

}  // namespace echostream::internal
