#include "relay.h"

#include <algorithm>
#include <utility>

namespace relay {

using echostream::BytesView;
using echostream::Ecn;
using echostream::LocalTime;
using echostream::OutgoingDatagrams;
using echostream::ReceivedDatagram;
using echostream::Result;
using echostream::SocketAddress;
using echostream::UdpOptions;
using echostream::UdpSocket;

namespace {

// Each client costs a socket. When there are that many, a new one takes the place of whoever was
// silent longest, if that is long enough; otherwise its datagrams are dropped.
constexpr std::size_t kMostClients = 512;
constexpr echostream::Duration kSilentFor = std::chrono::seconds(30);

// The two directions must not roll the same dice.
std::uint64_t seed_of_other_direction(std::uint64_t seed) { return ~seed * 0x9E3779B97F4A7C15; }

// Where the sockets towards the target bind: the system chooses the port.
SocketAddress unbound_like(const SocketAddress& target) {
  return target.family() == SocketAddress::Family::kIpv4 ? SocketAddress::ipv4({}, 0)
                                                         : SocketAddress::ipv6({}, 0);
}

}  // namespace

// One client's socket towards the target.
class Relay::Client final : public echostream::UdpHandler {
 public:
  Client(Relay& relay, ClientId id, const ReceivedDatagram& first)
      : remote(first.remote), local(first.local), relay_(relay), id_(id) {}

  void handle_datagram(const ReceivedDatagram& datagram) override {
    // Like a NAT: only the target may answer.
    if (datagram.remote != relay_.options_.target) return;
    heard_at = relay_.loop_.now();
    relay_.to_clients_.send(id_, datagram.ecn, datagram.data);
  }
  void handle_batch_end() override {}
  void handle_writable() override {}

  const SocketAddress remote;
  const SocketAddress local;
  LocalTime heard_at{};
  std::unique_ptr<UdpSocket> socket;

 private:
  Relay& relay_;
  ClientId id_;
};

Relay::Relay(echostream::Loop& loop, const RelayOptions& options)
    : loop_(loop),
      options_(options),
      to_target_(loop, options.link, options.seed,
                 [this](ClientId id, Ecn ecn, BytesView data) { send_to_target(id, ecn, data); }),
      to_clients_(loop, options.link, seed_of_other_direction(options.seed),
                  [this](ClientId id, Ecn ecn, BytesView data) { send_to_client(id, ecn, data); }) {
}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::open(echostream::Loop& loop, const RelayOptions& options) {
  std::unique_ptr<Relay> relay(new Relay(loop, options));
  UdpOptions socket_options;
  socket_options.bind_to = options.listen;
  auto socket = loop.open_udp(socket_options, *relay);
  if (!socket) return socket.error().with_context("cannot listen");
  relay->socket_ = *std::move(socket);
  return relay;
}

void Relay::handle_datagram(const ReceivedDatagram& datagram) {
  Client* client = find_or_add(datagram);
  if (client == nullptr) {
    ++refused_;
    return;
  }
  client->heard_at = loop_.now();
  to_target_.send(ids_[datagram.remote], datagram.ecn, datagram.data);
}

Relay::Client* Relay::find_or_add(const ReceivedDatagram& datagram) {
  if (const auto known = ids_.find(datagram.remote); known != ids_.end()) {
    return clients_[known->second].get();
  }
  if (!make_room()) return nullptr;
  const ClientId id{next_id_++};
  auto client = std::make_unique<Client>(*this, id, datagram);
  UdpOptions socket_options;
  socket_options.bind_to = unbound_like(options_.target);
  auto socket = loop_.open_udp(socket_options, *client);
  if (!socket) return nullptr;
  client->socket = *std::move(socket);
  ids_[datagram.remote] = id;
  return (clients_[id] = std::move(client)).get();
}

bool Relay::make_room() {
  if (clients_.size() < kMostClients) return true;
  const auto silent = std::min_element(
      clients_.begin(), clients_.end(),
      [](const auto& a, const auto& b) { return a.second->heard_at < b.second->heard_at; });
  if (loop_.now() - silent->second->heard_at < kSilentFor) return false;
  ids_.erase(silent->second->remote);
  clients_.erase(silent);
  return true;
}

void Relay::send_to_target(ClientId id, Ecn ecn, BytesView data) {
  const auto client = clients_.find(id);
  if (client == clients_.end()) return;
  OutgoingDatagrams datagram;
  datagram.remote = options_.target;
  datagram.ecn = ecn;
  datagram.data = data;
  datagram.segment_size = data.size();
  send(*client->second->socket, datagram);
}

void Relay::send_to_client(ClientId id, Ecn ecn, BytesView data) {
  const auto client = clients_.find(id);
  if (client == clients_.end()) return;
  OutgoingDatagrams datagram;
  datagram.local = client->second->local;
  datagram.remote = client->second->remote;
  datagram.ecn = ecn;
  datagram.data = data;
  datagram.segment_size = data.size();
  send(*socket_, datagram);
}

// A datagram that the system does not take now is lost, as in any full queue of a network.
void Relay::send(UdpSocket& socket, const OutgoingDatagrams& datagrams) {
  if (socket.send(datagrams) != UdpSocket::SendResult::kSent) ++refused_;
}

}  // namespace relay
