// How a connection defends itself against a peer with keys: what the AbuseGuard is told, packets
// that come before ngtcp2 can take them, and the ceiling of what is sent.
#include <utility>

#include "runtime/transport/connection.h"

namespace echostream::transport {
namespace {

// Datagrams that come too early and are held; more are lost, and sent again.
constexpr std::size_t kMostHeld = 16;

// Where the first packet with a short header begins; packets with a long one can stand before it in
// the same datagram (RFC 9000 section 12.2).
std::size_t bytes_before_short_packet(BytesView datagram) {
  std::size_t at = 0;
  while (at < datagram.size() && (datagram[at] & 0x80) != 0) {
    const BytesView rest = datagram.subspan(at);
    ngtcp2_pkt_hd header;
    const ngtcp2_ssize read = ngtcp2_pkt_decode_hd_long(&header, rest.data(), rest.size());
    if (read <= 0) return datagram.size();
    const auto header_bytes = static_cast<std::size_t>(read);
    const bool has_length =
        header.type != NGTCP2_PKT_RETRY && header.type != NGTCP2_PKT_VERSION_NEGOTIATION;
    if (!has_length || header.len > rest.size() - header_bytes) return datagram.size();
    at += header_bytes + header.len;
  }
  return at;
}

}  // namespace

// Reads a datagram under the guard's eyes.
int Connection::read_guarded(const ngtcp2_path& path, const ngtcp2_pkt_info& info, BytesView data) {
  const auto ts = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  ngtcp2_conn* connection = connection_.get();
  ngtcp2_conn_info before;
  ngtcp2_conn_get_conn_info(connection, &before);
  const std::uint64_t received = tls_->received_numbers().count();
  const int result = ngtcp2_conn_read_pkt(connection, &path, &info, data.data(), data.size(), ts);
  if (result != 0) return result;
  // Acknowledgements show in what is still on its way, also those behind a gap, of which no
  // callback tells.
  ngtcp2_conn_info after;
  ngtcp2_conn_get_conn_info(connection, &after);
  if (after.bytes_in_flight < before.bytes_in_flight) {
    guard_.on_useful(before.bytes_in_flight - after.bytes_in_flight);
  }
  if (tls_->received_numbers().count() == received) {
    guard_.on_rubbish();
  } else {
    guard_.on_datagram(now_, data.size());
  }
  guard_.on_memory(memory_.bytes(), after.bytes_in_flight);
  return 0;
}

// A client's ngtcp2 ends the handshake when it writes the next time. Until then 1.11 reads frames
// that it has no place for yet: HANDSHAKE_DONE makes it crash, and a NEW_CONNECTION_ID that retires
// the first id runs into an assertion. So 1-RTT packets wait; an honest server has hardly any to
// send that early.
BytesView Connection::hold_back(const IncomingDatagram& datagram) {
  const std::size_t handshake_bytes = bytes_before_short_packet(datagram.data);
  const BytesView rest = datagram.data.subspan(handshake_bytes);
  if (!rest.empty() && held_.size() < kMostHeld) {
    held_.push_back({datagram, {rest.begin(), rest.end()}});
  }
  return datagram.data.first(handshake_bytes);
}

bool Connection::read_held(LocalTime now) {
  if (!is_settled_ || held_.empty() || closed_ || closing_) return false;
  tick(now);
  for (Held& held : std::exchange(held_, {})) {
    if (closed_ || closing_) break;
    held.datagram.data = held.bytes;
    read_datagram(held.datagram);
  }
  check_abuse();
  return true;
}

void Connection::check_abuse() {
  if (closed_ || closing_ || guard_.verdict() == Abuse::kNone) return;
  Closing closing;
  closing.code = NGTCP2_PROTOCOL_VIOLATION;
  closing.reason = describe(guard_.verdict());
  closing.info.status =
      Status(StatusCode::kUnavailable, "this side put the peer out: " + closing.reason);
  closing.info.abuse = guard_.verdict();
  begin_close(std::move(closing));
}

// True: the ceiling is reached, and the timer set for when it is not. ngtcp2's own timers wait that
// long: what they want to send may not go out before.
bool Connection::is_at_send_ceiling() {
  const LocalTime ready = send_limit_.ready_at(now_);
  if (ready <= now_) return false;
  host_.arm(*this, ready);
  return true;
}

}  // namespace echostream::transport
