// An accepted TCP connection of the loop: owns its descriptor, which libuv only polls.
#pragma once

#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

class UvTcpConnection final : public TcpConnection {
 public:
  /// Null when libuv cannot poll it.
  static std::unique_ptr<TcpConnection> adopt(uv_loop_t& uv, UniqueFd fd,
                                              const SocketAddress& remote);

  SocketAddress local_address() const override { return local_; }
  SocketAddress remote_address() const override { return remote_; }
  void start(TcpHandler& handler) override;
  void set_reading(bool on) override;
  std::size_t write(BytesView bytes) override;
  void end_writing() override;

 private:
  UvTcpConnection(UniqueFd fd, const SocketAddress& remote);
  void poll();
  void handle_events(int status, int events);
  void read();
  void fail(int error);

  UniqueFd fd_;
  SocketAddress local_;
  SocketAddress remote_;
  TcpHandler* handler_ = nullptr;  // null once it has heard of a failure
  bool reads_ = true;
  bool waits_to_write_ = false;
  bool has_ended_ = false;  // the peer's side
  bool hung_up_ = false;    // it may have ended: seen while nothing is read
  int write_error_ = 0;     // to be told from outside of write()
  int polled_ = 0;
  UvHandle<uv_poll_t> poll_;  // closed before the descriptor is
};

}  // namespace echostream::internal
