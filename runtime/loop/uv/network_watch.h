// Tells when addresses, links or routes of this machine change: rtnetlink(7). What has changed is
// not read; whoever is told looks at what concerns it.
#pragma once

#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/owned_callback.h"
#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

class NetworkWatch final : public Pending {
 public:
  /// The callback may destroy the watch. UNAVAILABLE when the system gives no such socket, as in
  /// some containers.
  static Result<std::unique_ptr<Pending>> open(uv_loop_t& loop, UniqueFunction<void()> callback);

 private:
  explicit NetworkWatch(UniqueFunction<void()> callback) : callback_(std::move(callback)) {}
  int start(uv_loop_t& loop);
  bool drain() const;

  UniqueFd fd_;
  OwnedCallback<> callback_;
  UvHandle<uv_poll_t> poll_;  // closed before the descriptor is
};

/// Which address the system would send from: see Loop::source_address().
Result<SocketAddress> find_source_address(const SocketAddress& remote, const SocketAddress& from);

}  // namespace echostream::internal
