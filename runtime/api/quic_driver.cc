#include "runtime/api/quic_driver.h"

#include <algorithm>
#include <utility>

namespace echostream::internal {
namespace {

// What the peer sent before it followed still comes to the old socket.
constexpr Duration kLinger = std::chrono::seconds(3);

SocketAddress any_like(const SocketAddress& address) {
  return address.family() == SocketAddress::Family::kIpv4 ? SocketAddress::ipv4({}, 0)
                                                          : SocketAddress::ipv6({}, 0);
}

}  // namespace

QuicDriver::QuicDriver(Loop& loop, transport::QuicEndpoint::Options options, Accept accept,
                       Refused refused, PortMember member)
    : loop_(loop),
      accept_(std::move(accept)),
      refused_(std::move(refused)),
      member_(std::move(member)),
      endpoint_(transport::make_quic_endpoint(std::move(options), *this)) {}

QuicDriver::~QuicDriver() {
  // Before the socket closes: what the others get for it from then on is lost either way.
  if (member_.port && socket_) member_.port->leave(member_.index);
}

Result<std::unique_ptr<QuicDriver>> QuicDriver::open(Loop& loop, const SocketAddress& bind_to,
                                                     transport::QuicEndpoint::Options options,
                                                     Accept accept, Refused refused,
                                                     PortMember member) {
  if (member.port) {
    options.group = {member.port->secret(), member.port->size(), member.index};
  }
  std::unique_ptr<QuicDriver> driver(new QuicDriver(loop, std::move(options), std::move(accept),
                                                    std::move(refused), std::move(member)));
  UdpOptions udp;
  udp.bind_to = bind_to;
  udp.reuse_port = driver->member_.port != nullptr;
  auto socket = loop.open_udp(udp, *driver);
  if (!socket) return std::move(socket).error();
  driver->socket_ = *std::move(socket);
  if (const PortMember& place = driver->member_; place.port) {
    place.port->join(place.index, loop, *driver);
  }
  return driver;
}

Result<transport::QuicConnection*> QuicDriver::connect(transport::QuicEndpoint::Dial dial,
                                                       transport::QuicConnectionSink& sink) {
  auto connection = endpoint_->connect(loop_.now(), std::move(dial), sink);
  if (connection) flush_soon();
  return connection;
}

void QuicDriver::handle_datagram(const ReceivedDatagram& datagram) {
  // The kernel's stamp: how late this thread woke up is not the network's delay.
  endpoint_->handle_datagram(datagram.received_at, {datagram.local,
                                                    datagram.remote,
                                                    static_cast<std::uint8_t>(datagram.ecn),
                                                    datagram.data,
                                                    {}});
}

void QuicDriver::handle_path_datagram(PathSocket& socket, const ReceivedDatagram& datagram) {
  endpoint_->handle_datagram(datagram.received_at, {datagram.local, datagram.remote,
                                                    static_cast<std::uint8_t>(datagram.ecn),
                                                    datagram.data, socket.name()});
}

// ---- Sessions that move.

Result<SocketAddress> QuicDriver::migrate(transport::QuicConnection& connection,
                                          const SocketAddress& local) {
  auto path = PathSocket::open(
      loop_, local.is_set() ? local : any_like(connection.remote_address()), *this);
  if (!path) return std::move(path).error();
  const SocketAddress name = (*path)->name();
  if (Status status = connection.migrate(loop_.now(), name); !status.is_ok()) return status;
  (*path)->user = &connection;
  paths_[name] = *std::move(path);
  flush_soon();
  return name;
}

void QuicDriver::migration_over(transport::QuicConnection& connection, const SocketAddress& to,
                                bool moved) {
  const LocalTime now = loop_.now();
  for (auto& [name, path] : paths_) {
    if (path->user != &connection) continue;
    if (name == to && !moved) close_later(*path, now);
    if (name != to && moved) close_later(*path, now + kLinger);
  }
  flush_soon();
}

void QuicDriver::close_later(PathSocket& path, LocalTime at) {
  path.close_at = std::min(path.close_at, at);
  next_close_ = std::min(next_close_, path.close_at);
}

bool QuicDriver::has_lost(const SocketAddress& home, const SocketAddress& remote,
                          bool is_bound_to_it) const {
  const auto source = loop_.source_address(remote, is_bound_to_it ? home : SocketAddress());
  if (!source) return is_bound_to_it && loop_.source_address(remote, {}).has_value();
  return source->address() != home.address();
}

void QuicDriver::close_unused(LocalTime now) {
  if (now < next_close_) return;
  next_close_ = kNever;
  std::erase_if(paths_, [&](const auto& entry) {
    if (entry.second->close_at > now) {
      next_close_ = std::min(next_close_, entry.second->close_at);
      return false;
    }
    if (blocked_ && blocked_->local == entry.first) blocked_.reset();
    return true;
  });
}

transport::QuicConnectionSink* QuicDriver::on_incoming(LocalTime,
                                                       transport::QuicConnection& connection) {
  return accept_ ? accept_(*this, connection) : nullptr;
}

void QuicDriver::on_misdelivered(LocalTime now, std::size_t owner,
                                 const transport::IncomingDatagram& datagram) {
  member_.port->forward(
      owner, {datagram.local, datagram.remote, static_cast<Ecn>(datagram.ecn), now, datagram.data});
}

void QuicDriver::handle_writable() {
  if (blocked_ && send(*std::exchange(blocked_, std::nullopt))) flush_soon();
}

void QuicDriver::on_timer(LocalTime now) {
  endpoint_->handle_timeout(now);
  flush_soon();
}

bool QuicDriver::send(const transport::Transmit& transmit) {
  const OutgoingDatagrams datagrams{transmit.local, transmit.remote, static_cast<Ecn>(transmit.ecn),
                                    transmit.data, transmit.segment_size};
  const auto path = paths_.empty() ? paths_.end() : paths_.find(transmit.local);
  const UdpSocket::SendResult result =
      path != paths_.end() ? path->second->send(datagrams) : socket_->send(datagrams);
  // Dropped and too large are losses; QUIC finds out and goes on.
  if (result != UdpSocket::SendResult::kBlocked) return true;
  blocked_ = transmit;
  return false;
}

void QuicDriver::flush_now() {
  close_unused(loop_.now());
  while (!blocked_) {
    // Read anew for each batch: the clocks of both ends are compared by these stamps.
    const std::optional<transport::Transmit> transmit = endpoint_->poll_transmit(loop_.now());
    if (!transmit || !send(*transmit)) break;
  }
  // While the socket is blocked its buffer is the endpoint's: nothing may be freed or written.
  if (!blocked_) {
    for (transport::QuicConnection* connection : std::exchange(closed_, {})) {
      endpoint_->release(*connection);
    }
  }
  loop_.arm(*this, std::min(endpoint_->next_deadline(), next_close_));
}

void QuicDriver::release_soon(transport::QuicConnection& connection) {
  closed_.push_back(&connection);
  for (auto& [name, path] : paths_) {
    if (path->user != &connection) continue;
    path->user = nullptr;
    close_later(*path, loop_.now() + kLinger);
  }
  flush_soon();
}

}  // namespace echostream::internal
