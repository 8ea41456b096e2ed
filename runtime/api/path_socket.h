// A socket that one session has moved to: beside the driver's own, until the session moves on.
#pragma once

#include <memory>

#include "echostream/loop.h"

namespace echostream::transport {
class QuicConnection;
}

namespace echostream::internal {

/// Gives what it receives to whoever owns all sockets of an endpoint.
class PathSocket final : private UdpHandler {
 public:
  class Owner {
   public:
    virtual void handle_path_datagram(PathSocket& socket, const ReceivedDatagram& datagram) = 0;
    virtual void handle_path_batch_end() = 0;
    virtual void handle_path_writable() = 0;

   protected:
    ~Owner() = default;
  };

  static Result<std::unique_ptr<PathSocket>> open(Loop& loop, const SocketAddress& bind_to,
                                                  Owner& owner) {
    std::unique_ptr<PathSocket> made(new PathSocket(owner, bind_to.is_any()));
    UdpOptions options;
    options.bind_to = bind_to;
    auto socket = loop.open_udp(options, *made);
    if (!socket) return std::move(socket).error();
    made->socket_ = *std::move(socket);
    return made;
  }

  /// What the endpoint calls it: the address it is bound to.
  SocketAddress name() const { return socket_->local_address(); }
  UdpSocket::SendResult send(OutgoingDatagrams datagrams) {
    if (is_any_) datagrams.local = {};
    return socket_->send(datagrams);
  }

  /// The connection that uses it, or is to; null when it has closed.
  transport::QuicConnection* user = nullptr;
  /// When it is closed; what is still on its way here arrives until then.
  LocalTime close_at = kNever;

 private:
  PathSocket(Owner& owner, bool is_any) : owner_(owner), is_any_(is_any) {}
  void handle_datagram(const ReceivedDatagram& datagram) override {
    owner_.handle_path_datagram(*this, datagram);
  }
  void handle_batch_end() override { owner_.handle_path_batch_end(); }
  void handle_writable() override { owner_.handle_path_writable(); }

  Owner& owner_;
  bool is_any_;
  std::unique_ptr<UdpSocket> socket_;
};

}  // namespace echostream::internal
