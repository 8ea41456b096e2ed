// A TCP socket of the loop that accepts connections.
#pragma once

#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

class UvTcpListener final : public TcpListener, private TimerNode {
 public:
  using Accept = UniqueFunction<void(std::unique_ptr<TcpConnection>)>;
  static Result<std::unique_ptr<TcpListener>> open(uv_loop_t& uv, Executor& executor,
                                                   const TcpOptions& options, Accept accept);

  SocketAddress local_address() const override { return local_; }

 private:
  UvTcpListener(uv_loop_t& uv, Executor& executor, UniqueFd fd, Accept accept)
      : uv_(uv), executor_(executor), accept_(std::move(accept)), fd_(std::move(fd)) {}
  int start();
  int poll();
  void accept_all();
  void on_timer(LocalTime now) override;

  uv_loop_t& uv_;
  Executor& executor_;
  Accept accept_;
  SocketAddress local_;
  UniqueFd fd_;
  UvHandle<uv_poll_t> poll_;  // closed before the descriptor is
};

}  // namespace echostream::internal
