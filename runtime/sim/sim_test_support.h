// Two nodes of a simulation with a socket each, which remember what reaches them and when.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/testing/sim.h"

namespace echostream::testing {

/// A socket that keeps what it receives.
class Mailbox final : public UdpHandler {
 public:
  struct Item {
    Duration at;  // true time
    LocalTime received_at;
    SocketAddress local;
    SocketAddress remote;
    Ecn ecn;
    std::string data;
  };

  Mailbox(Simulation& sim, Loop& loop, const std::string& bind_to) : sim_(sim) {
    UdpOptions options;
    options.bind_to = *SocketAddress::parse(bind_to);
    auto opened = loop.open_udp(options, *this);
    ECHOSTREAM_CHECK(opened.has_value(), "the simulated socket cannot be opened");
    socket_ = *std::move(opened);
  }

  void send(const SocketAddress& to, const std::string& data, std::size_t segment_size = 0,
            Ecn ecn = Ecn::kNotEct) {
    OutgoingDatagrams out;
    out.local = address();
    out.remote = to;
    out.ecn = ecn;
    out.data = BytesView(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
    out.segment_size = segment_size > 0 ? segment_size : data.size();
    ECHOSTREAM_CHECK(socket_->send(out) == UdpSocket::SendResult::kSent, "not sent");
  }

  SocketAddress address() const { return socket_->local_address(); }

  std::vector<Item> items;
  int batches = 0;

 private:
  void handle_datagram(const ReceivedDatagram& datagram) override {
    items.push_back(
        {sim_.elapsed(), datagram.received_at, datagram.local, datagram.remote, datagram.ecn,
         std::string(reinterpret_cast<const char*>(datagram.data.data()), datagram.data.size())});
  }
  void handle_batch_end() override { ++batches; }
  void handle_writable() override {}

  Simulation& sim_;
  std::unique_ptr<UdpSocket> socket_;
};

/// Nodes "a" (10.0.0.1) and "b" (10.0.0.2), port 1000 each, with `link` both ways.
struct Wire {
  explicit Wire(LinkOptions link = {}, std::uint64_t seed = 1) : sim(seed) {
    sim.set_link("a", "b", link);
  }

  /// Sends `count` datagrams of `bytes` bytes from a to b, one each `interval`; each starts with
  /// its number and a blank.
  void send_numbered(int count, std::size_t bytes, Duration interval) {
    for (int i = 0; i < count; ++i) {
      std::string data = std::to_string(i) + " ";
      data.resize(std::max(bytes, data.size()), 'x');
      a.send(b.address(), data);
      sim.run_for(interval);
    }
    sim.run_for(std::chrono::seconds(10));
  }
  /// The numbers that arrived at b, in the order of arrival.
  std::vector<int> numbers() const {
    std::vector<int> out;
    for (const Mailbox::Item& item : b.items) out.push_back(std::stoi(item.data));
    return out;
  }
  LinkStats stats() const { return sim.link_stats("a", "b"); }

  Simulation sim;
  Loop& loop_a = sim.add_node("a", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  Loop& loop_b = sim.add_node("b", SocketAddress::ipv4({10, 0, 0, 2}, 0));
  Mailbox a{sim, loop_a, "0.0.0.0:1000"};
  Mailbox b{sim, loop_b, "0.0.0.0:1000"};
};

}  // namespace echostream::testing
