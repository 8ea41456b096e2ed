// A NAT that forgets: carries one client's datagrams to a target, from a port of its own that it
// changes whenever it is told to.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "echostream/base/check.h"
#include "echostream/loop.h"

namespace echostream::testing {

class RebindingRelay final : private UdpHandler {
 public:
  RebindingRelay(Loop& loop, const SocketAddress& target)
      : loop_(loop), target_(target), client_side_(open(*this)) {
    rebind();
  }

  /// Where the client dials.
  SocketAddress address() const { return client_side_->local_address(); }
  /// The target sees another port from now on. Not from inside a callback of the relay's.
  void rebind() {
    target_side_ = open(answers_);
    ++rebinds_;
  }
  int rebinds() const { return rebinds_; }

 private:
  struct Answers final : UdpHandler {
    explicit Answers(RebindingRelay& relay) : owner(relay) {}
    void handle_datagram(const ReceivedDatagram& datagram) override {
      if (owner.client_.is_set()) send(*owner.client_side_, owner.client_, datagram);
    }
    void handle_batch_end() override {}
    void handle_writable() override {}
    RebindingRelay& owner;
  };

  std::unique_ptr<UdpSocket> open(UdpHandler& handler) {
    UdpOptions options;
    options.bind_to = target_.with_port(0);
    auto socket = loop_.open_udp(options, handler);
    ECHOSTREAM_CHECK(socket.has_value(), "the loopback has free ports");
    return *std::move(socket);
  }
  // What the system does not take is lost.
  static void send(UdpSocket& socket, const SocketAddress& to, const ReceivedDatagram& datagram) {
    OutgoingDatagrams out;
    out.remote = to;
    out.ecn = datagram.ecn;
    out.data = datagram.data;
    out.segment_size = datagram.data.size();
    (void)socket.send(out);
  }

  void handle_datagram(const ReceivedDatagram& datagram) override {
    client_ = datagram.remote;
    send(*target_side_, target_, datagram);
  }
  void handle_batch_end() override {}
  void handle_writable() override {}

  Loop& loop_;
  SocketAddress target_;
  SocketAddress client_;
  Answers answers_{*this};
  std::unique_ptr<UdpSocket> client_side_;
  std::unique_ptr<UdpSocket> target_side_;
  int rebinds_ = -1;
};

}  // namespace echostream::testing
