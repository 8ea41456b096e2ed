// How a connection fills packets: frames of several streams and datagrams share one, most urgent
// first.
#include <algorithm>
#include <array>
#include <utility>

#include "runtime/transport/connection.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {

bool Connection::write(LocalTime now, PacketBatch& batch, std::size_t most_packets) {
  if (closed_) {
    for (; close_packets_owed_ > 0 && batch.has_room(); --close_packets_owed_) {
      std::copy(close_packet_.begin(), close_packet_.end(), batch.room().begin());
      batch.add(close_packet_.size(), close_local_, close_remote_, 0);
    }
    return false;
  }
  if (closing_) {
    write_close(now, batch);
    return false;
  }
  const ngtcp2_tstamp ts = tick(now);
  const std::size_t quantum = ngtcp2_conn_get_send_quantum(connection_.get());
  const std::size_t start = batch.size();
  bool more = true;
  int error = 0;
  for (std::size_t packets = 0; more && packets < most_packets && batch.has_room(); ++packets) {
    if (packets > 0 && batch.size() - start >= quantum) break;
    scheduler_.drop_stale(now_, max_datagram_bytes(), dropped_datagrams_);
    Packet packet;
    packet.room = batch.room();
    ngtcp2_path_storage_zero(&packet.path);
    const ngtcp2_ssize size = write_packet(packet, ts);
    if (size < 0) error = static_cast<int>(size);
    more = size > 0;
    if (more) {
      const auto bytes = static_cast<std::size_t>(size);
      batch.add(bytes, from_native(packet.path.path.local), from_native(packet.path.path.remote),
                static_cast<std::uint8_t>(packet.info.ecn));
      ++packets_sent_;
      bytes_sent_ += bytes;
    }
  }
  ngtcp2_conn_update_pkt_tx_time(connection_.get(), ts);
  if (error != 0) fail(now, error);
  deliver_deferred(now);
  if (closed_) return false;
  if (closing_) return true;
  if (!more) {
    const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(connection_.get());
    host_.arm(*this, expiry == UINT64_MAX
                         ? kNever
                         : LocalTime(Duration(static_cast<Duration::rep>(expiry))));
  }
  return more;
}

// Returns the packet's size, 0 when nothing can be sent now, or an NGTCP2_ERR code.
ngtcp2_ssize Connection::write_packet(Packet& packet, ngtcp2_tstamp ts) {
  for (;;) {
    const bool with_streams = ngtcp2_conn_get_max_data_left(connection_.get()) > 0;
    const SendScheduler::Next next = scheduler_.next(open_ && with_streams);
    ngtcp2_ssize size = 0;
    if (next.datagram != nullptr) {
      size = write_datagram_piece(packet, *next.datagram, next.priority, ts);
    } else if (next.stream != nullptr) {
      size = write_stream_piece(packet, *next.stream, ts);
    } else {
      // Acknowledgements, handshake, window updates, and whatever was gathered above.
      return ngtcp2_conn_writev_stream(connection_.get(), &packet.path.path, &packet.info,
                                       packet.room.data(), packet.room.size(), nullptr,
                                       NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, ts);
    }
    if (size != NGTCP2_ERR_WRITE_MORE) return size;
  }
}

ngtcp2_ssize Connection::write_stream_piece(Packet& packet, SendStream& stream, ngtcp2_tstamp ts) {
  std::array<ngtcp2_vec, 32> pieces;
  const SendStream::Next next = stream.next(pieces);
  const bool fin = stream.fin_is_next(next.bytes);
  const std::uint32_t flags =
      NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u);
  ngtcp2_ssize taken = -1;
  const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
      connection_.get(), &packet.path.path, &packet.info, packet.room.data(), packet.room.size(),
      &taken, flags, stream.id().value, pieces.data(), next.pieces, ts);
  if (taken >= 0) {
    const auto bytes = static_cast<std::size_t>(taken);
    stream.mark_sent(bytes, fin && bytes == next.bytes);
    if (stream.take_notification()) drained_.push_back(stream.id());
    scheduler_.rotate(stream);
    return size;
  }
  switch (size) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED:
      // The connection's own limit was looked at before; extend_max_stream_data() wakes it.
      stream.set_blocked(true);
      scheduler_.update(stream);
      return NGTCP2_ERR_WRITE_MORE;
    case NGTCP2_ERR_STREAM_NOT_FOUND:
    case NGTCP2_ERR_STREAM_SHUT_WR:
      // STOP_SENDING came; its code is known only when the stream closes.
      stream.end();
      scheduler_.remove(stream);
      refused_.push_back(stream.id());
      return NGTCP2_ERR_WRITE_MORE;
    default:
      return size;
  }
}

ngtcp2_ssize Connection::write_datagram_piece(Packet& packet, OutgoingDatagramFrame& datagram,
                                              Priority priority, ngtcp2_tstamp ts) {
  const auto piece = [](const Buffer& bytes) {
    return ngtcp2_vec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  };
  const std::array<ngtcp2_vec, 2> pieces = {piece(datagram.header), piece(datagram.payload)};
  int accepted = 0;
  const ngtcp2_ssize size = ngtcp2_conn_writev_datagram(
      connection_.get(), &packet.path.path, &packet.info, packet.room.data(), packet.room.size(),
      &accepted, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, pieces.data(), pieces.size(), ts);
  if (accepted != 0) scheduler_.pop_datagram(priority);
  return size;
}

}  // namespace echostream::transport
