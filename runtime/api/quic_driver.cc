#include "runtime/api/quic_driver.h"

#include <utility>

namespace echostream::internal {

QuicDriver::QuicDriver(Loop& loop, transport::QuicEndpoint::Options options, Accept accept,
                       PortMember member)
    : loop_(loop),
      accept_(std::move(accept)),
      member_(std::move(member)),
      endpoint_(transport::make_quic_endpoint(std::move(options), *this)) {}

QuicDriver::~QuicDriver() {
  // Before the socket closes: what the others get for it from then on is lost either way.
  if (member_.port && socket_) member_.port->leave(member_.index);
}

Result<std::unique_ptr<QuicDriver>> QuicDriver::open(Loop& loop, const SocketAddress& bind_to,
                                                     transport::QuicEndpoint::Options options,
                                                     Accept accept, PortMember member) {
  if (member.port) {
    options.group = {member.port->secret(), member.port->size(), member.index};
  }
  std::unique_ptr<QuicDriver> driver(
      new QuicDriver(loop, std::move(options), std::move(accept), std::move(member)));
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

Status QuicDriver::connect(transport::QuicEndpoint::Dial dial, QuicLink& link) {
  auto connection = endpoint_->connect(loop_.now(), std::move(dial), link);
  if (!connection) return std::move(connection).error();
  link.bind(**connection);
  flush_soon();
  return Status::ok();
}

void QuicDriver::handle_datagram(const ReceivedDatagram& datagram) {
  // The kernel's stamp: how late this thread woke up is not the network's delay.
  endpoint_->handle_datagram(
      datagram.received_at,
      {datagram.local, datagram.remote, static_cast<std::uint8_t>(datagram.ecn), datagram.data});
}

transport::QuicConnectionSink* QuicDriver::on_incoming(LocalTime,
                                                       transport::QuicConnection& connection) {
  auto link = std::make_unique<QuicLink>(*this);
  QuicLink& sink = *link;
  sink.bind(connection);
  return accept_ && accept_(std::move(link)) ? &sink : nullptr;
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
  const UdpSocket::SendResult result =
      socket_->send({transmit.local, transmit.remote, static_cast<Ecn>(transmit.ecn), transmit.data,
                     transmit.segment_size});
  // Dropped and too large are losses; QUIC finds out and goes on.
  if (result != UdpSocket::SendResult::kBlocked) return true;
  blocked_ = transmit;
  return false;
}

void QuicDriver::flush_now() {
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
  loop_.arm(*this, endpoint_->next_deadline());
}

void QuicDriver::release_soon(transport::QuicConnection& connection) {
  closed_.push_back(&connection);
  flush_soon();
}

}  // namespace echostream::internal
