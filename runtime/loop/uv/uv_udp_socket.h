// A UDP socket of the loop: owns its descriptor, which libuv only polls; reads and writes are our
// own system calls (udp_receiver.h, udp_sender.h).
#pragma once

#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/socket_calls.h"
#include "runtime/loop/uv/udp_receiver.h"
#include "runtime/loop/uv/udp_sender.h"
#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

/// What a socket borrows of its loop.
struct UdpContext {
  uv_loop_t& uv;
  Executor& executor;
  SocketCalls& calls;
  ReceiveBuffers& buffers;
};

class UvUdpSocket final : public UdpSocket {
 public:
  static Result<std::unique_ptr<UdpSocket>> open(const UdpContext& context,
                                                 const UdpOptions& options, UdpHandler& handler);

  SocketAddress local_address() const override { return local_; }
  SendResult send(const OutgoingDatagrams& datagrams) override;

 private:
  struct RetryTimer final : TimerNode {
    explicit RetryTimer(UvUdpSocket& socket) noexcept : owner(socket) {}
    void on_timer(LocalTime) override { owner.resume_sending(); }
    UvUdpSocket& owner;
  };

  UvUdpSocket(const UdpContext& context, UniqueFd fd, int family, const SocketAddress& local,
              UdpHandler& handler);
  Status start();
  void poll(bool writable);
  void handle_events(int status, int events);
  void resume_sending();
  void watch_what_blocks();

  UdpContext context_;
  UdpHandler& handler_;
  SocketAddress local_;
  UniqueFd fd_;
  UdpSender sender_;
  bool polls_writable_ = false;
  RetryTimer retry_{*this};
  UvHandle<uv_poll_t> poll_;  // closed before the descriptor is
};

}  // namespace echostream::internal
