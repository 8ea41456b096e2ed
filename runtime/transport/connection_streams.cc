// Commands and getters of a connection: streams, datagrams, keys.
#include <algorithm>
#include <utility>

#include "runtime/transport/connection.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

Status closed_status() { return {StatusCode::kUnavailable, "the connection is closed"}; }

Duration to_duration(ngtcp2_duration duration) {
  return duration == UINT64_MAX ? Duration{} : Duration(static_cast<Duration::rep>(duration));
}

}  // namespace

SocketAddress Connection::remote_address() const {
  if (!connection_) return close_remote_;
  return from_native(ngtcp2_conn_get_path(connection_.get())->remote);
}

SocketAddress Connection::local_address() const {
  if (arrived_at_.is_set()) return arrived_at_;
  if (!connection_) return close_local_;
  return from_native(ngtcp2_conn_get_path(connection_.get())->local);
}

std::string Connection::alpn() const { return tls_ ? tls_->alpn() : std::string(); }

std::optional<Fingerprint> Connection::peer_fingerprint() const {
  // Early on a client knows only whom it met before.
  if (!tls_ || can_send_early()) return std::nullopt;
  return tls_->peer().peer_fingerprint;
}

bool Connection::is_resumed() const { return tls_ && open_ && tls_->is_resumed(); }

bool Connection::can_send_early() const {
  return !is_server_ && tls_ && tls_->is_early() && !closing_ && !closed_;
}

std::optional<PeerIdentity> Connection::peer_identity() const {
  if (!tls_ || can_send_early()) return std::nullopt;
  return tls_->peer().identity;
}

ConnectionStats Connection::stats() const {
  ConnectionStats stats = counted_;
  stats.key_updates = key_updates_;
  if (!connection_) return stats;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(connection_.get(), &info);
  // Before the first sample ngtcp2 gives what RFC 9002 6.2.2 says to begin with.
  if (info.min_rtt != UINT64_MAX) {
    stats.smoothed_rtt = to_duration(info.smoothed_rtt);
    stats.least_rtt = to_duration(info.min_rtt);
    stats.latest_rtt = to_duration(info.latest_rtt);
    stats.rtt_variation = to_duration(info.rttvar);
  }
  stats.path_mtu_bytes = path_bytes();
  stats.delivery_rate_bytes_per_s = delivery_.bytes_per_s(now_);
  stats.congestion_window_bytes = info.cwnd;
  stats.bytes_in_flight = info.bytes_in_flight;
#ifdef NGTCP2_CONN_INFO_V2
  stats.packets_lost = info.pkt_lost;
#endif
  return stats;
}

std::uint64_t Connection::target_bytes_per_s(std::uint8_t priority) const {
  const auto total = static_cast<double>(target_.bytes_per_s());
  double others = 0;
  for (std::size_t i = 0; i < priority && i < sent_by_priority_.size(); ++i) {
    others += sent_by_priority_[i].bytes_per_s(now_);
  }
  // Never nothing: how would it be known that there is room again?
  return static_cast<std::uint64_t>(std::max(total - others, total / 20));
}

// ---- Streams.

Result<StreamId> Connection::open_stream(bool bidirectional) {
  // A server may have to say something beside its answers to early data.
  const bool answers_early =
      !bidirectional && is_server_ && early_data_accepted_ == true && !closing_ && !closed_;
  if (!is_open() && !can_send_early() && !answers_early) return closed_status();
  std::int64_t id = -1;
  const int result = bidirectional ? ngtcp2_conn_open_bidi_stream(connection_.get(), &id, nullptr)
                                   : ngtcp2_conn_open_uni_stream(connection_.get(), &id, nullptr);
  if (result == NGTCP2_ERR_STREAM_ID_BLOCKED) {
    return Status(StatusCode::kResourceExhausted, "the peer allows no more streams now");
  }
  if (result != 0) return Status(StatusCode::kInternal, ngtcp2_strerror(result));
  add_stream(StreamId{id});
  return StreamId{id};
}

Result<StreamId> Connection::open_bidirectional() { return open_stream(true); }
Result<StreamId> Connection::open_unidirectional() { return open_stream(false); }

SendStream* Connection::find_stream(StreamId id) const {
  const auto found = streams_.find(id.value);
  return found == streams_.end() ? nullptr : found->second.get();
}

SendStream& Connection::add_stream(StreamId id) {
  auto& slot = streams_[id.value];
  slot = std::make_unique<SendStream>(id, kDefaultPriority);
  return *slot;
}

void Connection::write(StreamId id, Buffer bytes, bool fin) {
  SendStream* stream = find_stream(id);
  if (stream == nullptr) return;
  stream->push(std::move(bytes), fin);
  scheduler_.update(*stream);
  changed();
}

void Connection::set_priority(StreamId id, Priority priority) {
  if (SendStream* stream = find_stream(id)) scheduler_.set_priority(*stream, priority);
}

std::size_t Connection::unsent_bytes(StreamId id) const {
  const SendStream* stream = find_stream(id);
  return stream == nullptr ? 0 : stream->unsent_bytes();
}

void Connection::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  SendStream* stream = find_stream(id);
  if (stream == nullptr) return;
  stream->notify_at(low_water_bytes);
  if (stream->take_notification()) {
    drained_.push_back(id);
    changed();
  }
}

void Connection::reset(StreamId id, std::uint64_t code) {
  SendStream* stream = find_stream(id);
  if (stream == nullptr || !connection_ || stream->has_ended()) return;
  stream->end();
  scheduler_.remove(*stream);
  // A stream that ngtcp2 does not know any more has been closed already.
  (void)ngtcp2_conn_shutdown_stream_write(connection_.get(), 0, id.value, code);
  changed();
}

void Connection::stop_sending(StreamId id, std::uint64_t code) {
  if (!connection_) return;
  (void)ngtcp2_conn_shutdown_stream_read(connection_.get(), 0, id.value, code);
  changed();
}

void Connection::consume(StreamId id, std::size_t bytes) {
  if (!connection_ || bytes == 0) return;
  // The stream may be gone; its bytes still count for the connection.
  (void)ngtcp2_conn_extend_max_stream_offset(connection_.get(), id.value, bytes);
  ngtcp2_conn_extend_max_offset(connection_.get(), bytes);
  changed();
}

// ---- Datagrams.

std::size_t Connection::max_datagram_bytes() const {
  if (!connection_) return 0;
  const ngtcp2_transport_params* peer = ngtcp2_conn_get_remote_transport_params(connection_.get());
  // Frame type and a length of two bytes (RFC 9221 section 4).
  constexpr std::size_t kFrameBytes = 3;
  if (peer == nullptr || peer->max_datagram_frame_size <= kFrameBytes) return 0;
  // Flags, the longest packet number, and the tag (RFC 9000 section 17.3.1).
  const std::size_t packet_bytes =
      1 + ngtcp2_conn_get_dcid(connection_.get())->datalen + 4 + kTagBytes;
  const std::size_t room = path_bytes() - std::min(path_bytes(), packet_bytes + kFrameBytes);
  return std::min<std::uint64_t>(room, peer->max_datagram_frame_size - kFrameBytes);
}

Status Connection::send_datagram(OutgoingDatagramFrame datagram) {
  if (!is_open()) return closed_status();
  const std::size_t size = datagram.header.size() + datagram.payload.size();
  // ngtcp2 before 1.12 aborts on an empty one.
  if (size == 0) return {StatusCode::kInvalidArgument, "a datagram must not be empty"};
  if (const std::size_t most = max_datagram_bytes(); size > most) {
    return {StatusCode::kInvalidArgument, "the datagram has " + std::to_string(size) +
                                              " bytes, the path takes " + std::to_string(most)};
  }
  const std::size_t dropped = dropped_datagrams_.size();
  scheduler_.push(std::move(datagram), dropped_datagrams_);
  counted_.datagram_frames_dropped += dropped_datagrams_.size() - dropped;
  changed();
  return Status::ok();
}

// ---- Keys.

Status Connection::export_keying_material(std::string_view label, BytesView context,
                                          MutableBytes out) const {
  if (!tls_ || !open_) return {StatusCode::kFailedPrecondition, "the handshake is not complete"};
  if (!tls_->export_keying_material(label, context, out)) {
    return {StatusCode::kInternal, "TLS exports no keying material"};
  }
  return Status::ok();
}

Status Connection::update_keys(LocalTime now) {
  if (!is_open()) return closed_status();
  if (ngtcp2_conn_initiate_key_update(connection_.get(), tick(now)) != 0) {
    return {StatusCode::kFailedPrecondition,
            "the handshake or the last key update is not confirmed yet"};
  }
  ++key_updates_;
  changed();
  return Status::ok();
}

}  // namespace echostream::transport
