// How a connection fills packets: frames of several streams and datagrams share one, most urgent
// first.
#include <algorithm>
#include <array>
#include <utility>

#include "runtime/transport/connection.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

// Every path takes that (RFC 9000 section 14).
constexpr std::size_t kSmallPacketBytes = 1200;
// RFC 8899 section 5.1.1: after that time a larger size is tried again.
constexpr Duration kSmallPacketsLast = std::chrono::minutes(10);
// The largest UDP payload over IPv4, and so the most that the segments of one GSO call can have.
constexpr std::size_t kMostJoinedBytes = 65507;

// The path of the packet before, in our form: nearly always that of the next one, too.
class SentPath {
 public:
  void update(const ngtcp2_path& path) {
    if (is_set_ && ngtcp2_path_eq(&native_.path, &path) != 0) return;
    ngtcp2_path_storage_zero(&native_);
    ngtcp2_path_copy(&native_.path, &path);
    local_ = from_native(path.local);
    remote_ = from_native(path.remote);
    is_set_ = true;
  }
  const SocketAddress& local() const noexcept { return local_; }
  const SocketAddress& remote() const noexcept { return remote_; }

 private:
  bool is_set_ = false;
  ngtcp2_path_storage native_;
  SocketAddress local_;
  SocketAddress remote_;
};

}  // namespace

// The largest packet to send now.
std::size_t Connection::path_bytes() const {
  const std::size_t found = ngtcp2_conn_get_path_max_tx_udp_payload_size(connection_.get());
  return now_ < small_until_ ? std::min(found, kSmallPacketBytes) : found;
}

void Connection::watch_large_packet(std::size_t bytes) {
  const bool is_large = bytes > kSmallPacketBytes && bytes <= path_bytes();  // and no MTU probe
  if (is_large && unacknowledged_since_ == kNever) unacknowledged_since_ = now_;
}

// A path whose MTU has shrunk swallows large packets without a word (RFC 8899 section 4.3), and
// ngtcp2 1.11 would send them for ever. When two probe timeouts have brought no acknowledgement,
// small ones are tried.
void Connection::check_large_packets() {
  if (unacknowledged_since_ == kNever || closed_) return;
  const Duration patience(static_cast<Duration::rep>(2 * ngtcp2_conn_get_pto(connection_.get())));
  if (now_ - unacknowledged_since_ < patience) return;
  unacknowledged_since_ = kNever;
  small_until_ = now_ + kSmallPacketsLast;
}

// While something is on its way, a PING goes out each second at least, as far as the congestion
// window lets it: ngtcp2 doubles the distance of its probes, so that after an outage of 15 seconds
// the next may come after 30.
void Connection::choose_ping_interval(const ngtcp2_conn_info& info) {
  constexpr Duration kLeast = std::chrono::seconds(1);
  Duration interval = host_.quic_options().keep_alive_interval;
  if (interval <= Duration{}) interval = kNever.time_since_epoch();
  if (info.bytes_in_flight > 0) {
    const auto timeout = static_cast<Duration::rep>(ngtcp2_conn_get_pto(connection_.get()));
    interval = std::min(interval, std::max(kLeast, 3 * Duration(timeout)));
  }
  ngtcp2_conn_set_keep_alive_timeout(connection_.get(),
                                     static_cast<ngtcp2_duration>(interval.count()));
}

// ngtcp2 1.11 can end up with a full congestion window and nothing that it would probe for, after
// many changes of the peer's address. Keep-alives go on meanwhile, so that it would last for ever.
LocalTime Connection::watch_full_window(const ngtcp2_conn_info& info) {
  if (info.bytes_in_flight < info.cwnd) {
    stalled_since_ = kNever;
    return kNever;
  }
  if (stalled_since_ == kNever) stalled_since_ = now_;
  const Duration patience = host_.quic_options().idle_timeout;
  return patience > Duration{} ? deadline_after(stalled_since_, patience) : kNever;
}

void Connection::check_full_window() {
  if (closed_ || closing_ || now_ < stall_deadline_) return;
  Closing closing;
  closing.code = NGTCP2_NO_VIABLE_PATH;
  closing.info.status =
      Status(StatusCode::kUnavailable, "the peer acknowledged nothing for the idle timeout");
  begin_close(std::move(closing));
}

void Connection::arm_timer() {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(connection_.get(), &info);
  choose_ping_interval(info);
  stall_deadline_ = watch_full_window(info);
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(connection_.get());
  const LocalTime wanted =
      expiry == UINT64_MAX ? kNever : LocalTime(Duration(static_cast<Duration::rep>(expiry)));
  const LocalTime paced = is_pacer_blocked_ ? pacer_.next_budget_at() : kNever;
  host_.arm(*this, std::min({wanted, stall_deadline_, next_stall_check(), paced}));
}

// BBR sets a rate of its own, which only ngtcp2's pacer knows.
bool Connection::is_paced_by_ngtcp2() const {
  return host_.quic_options().congestion_control == CongestionControl::kBbr;
}

Pacer::Path Connection::pacing_path() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(connection_.get(), &info);
  Pacer::Path path;
  path.smoothed_rtt = Duration(static_cast<Duration::rep>(info.smoothed_rtt));
  path.congestion_window_bytes = info.cwnd;
  path.packet_bytes = path_bytes();
  path.is_congestion_seen = info.ssthresh != UINT64_MAX;
  return path;
}

std::size_t Connection::send_budget() {
  if (is_paced_by_ngtcp2()) return ngtcp2_conn_get_send_quantum(connection_.get());
  // Before the first sample the initial window is all that goes out.
  if (!open_) return Pacer::kUnlimited;
  return pacer_.budget(now_, pacing_path());
}

bool Connection::has_to_send() {
  const SendScheduler::Next next =
      scheduler_.next(ngtcp2_conn_get_max_data_left(connection_.get()) > 0);
  return next.datagram != nullptr || next.stream != nullptr;
}

// While the pacer makes data wait: acknowledgements, probes, and what was lost, one packet at a
// time.
ngtcp2_ssize Connection::write_unpaced(Packet& packet, ngtcp2_tstamp ts) {
  return ngtcp2_conn_writev_stream(connection_.get(), &packet.path.path, &packet.info,
                                   packet.room.data(), packet.room.size(), nullptr,
                                   NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, ts);
}

LocalTime Connection::next_stall_check() {
  const Duration patience = host_.quic_options().stalled_stream_timeout;
  if (patience <= Duration{} || streams_.empty()) return next_stall_check_ = kNever;
  if (next_stall_check_ == kNever) next_stall_check_ = deadline_after(now_, patience / 4);
  return next_stall_check_;
}

// A peer that holds our buffers full by not reading: what it lets nothing through of for the whole
// patience is given up.
void Connection::check_stalled_streams() {
  if (closed_ || closing_ || now_ < next_stall_check_) return;
  next_stall_check_ = kNever;
  const bool window_is_full = ngtcp2_conn_get_max_data_left(connection_.get()) == 0;
  if (!window_is_full) {
    window_full_since_ = kNever;
  } else if (window_full_since_ == kNever) {
    window_full_since_ = now_;
  }
  const auto is_too_long = [this](LocalTime since) {
    return since != kNever && now_ - since >= host_.quic_options().stalled_stream_timeout;
  };
  std::vector<StreamId> stalled;
  for (const auto& [id, stream] : streams_) {
    if (stream->unsent_bytes() == 0) {
      stream->blocked_since = kNever;
    } else if (is_too_long(stream->blocked_since) || is_too_long(window_full_since_)) {
      stalled.push_back(StreamId{id});
    }
  }
  std::sort(stalled.begin(), stalled.end(),
            [](StreamId a, StreamId b) { return a.value < b.value; });
  for (const StreamId id : stalled) {
    if (sink_ != nullptr) sink_->on_stream_stalled(now_, id);
  }
}

// RFC 9001 section 6. Nothing happens when the last update is not confirmed yet: tried again with
// the next packets.
void Connection::update_keys_when_due() {
  constexpr Duration kLeastInterval = std::chrono::seconds(1);
  constexpr std::uint64_t kLeastPackets = 1000;
  if (!is_open() || keys_since_ == LocalTime{}) return;
  const QuicOptions& options = host_.quic_options();
  const bool is_old = options.key_update_interval > Duration{} &&
                      now_ - keys_since_ >= std::max(options.key_update_interval, kLeastInterval);
  const bool is_worn = counted_.packets_sent - keys_since_packet_ >=
                       std::max(options.key_update_packets, kLeastPackets);
  if ((is_old || is_worn) && update_keys(now_).is_ok()) {
    keys_since_ = now_;
    keys_since_packet_ = counted_.packets_sent;
  }
}

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
  if (is_at_send_ceiling()) return false;
  // No more than one system call takes.
  const std::size_t budget = send_budget();
  const std::size_t most_bytes = std::min(budget, kMostJoinedBytes);
  const std::size_t packet_bytes = path_bytes();
  const std::size_t start = batch.size();
  SentPath path;
  const std::uint64_t packets_before = counted_.packets_sent;
  bool more = true;
  int error = 0;
  for (std::size_t packets = 0; more && packets < most_packets && batch.has_room(); ++packets) {
    if (packets > 0 && batch.size() - start + packet_bytes > most_bytes) break;
    Packet packet;
    packet.room = batch.room();
    if (now_ < small_until_) packet.room = packet.room.first(kSmallPacketBytes);
    ngtcp2_path_storage_zero(&packet.path);
    const ngtcp2_ssize size = budget > 0 ? write_packet(packet, ts) : write_unpaced(packet, ts);
    if (size < 0) error = static_cast<int>(size);
    more = size > 0;
    if (more) {
      const auto bytes = static_cast<std::size_t>(size);
      path.update(packet.path.path);
      batch.add(bytes, path.local(), path.remote(), static_cast<std::uint8_t>(packet.info.ecn));
      watch_large_packet(bytes);
      send_limit_.spend(now_, bytes);
      pacer_.on_sent(bytes);
      if (packet.info.ecn != 0) ++counted_.ecn_marked_packets_sent;
      ++counted_.packets_sent;
      counted_.bytes_sent += bytes;
    }
  }
  if (is_paced_by_ngtcp2()) ngtcp2_conn_update_pkt_tx_time(connection_.get(), ts);
  // Without a budget the pacer says when it goes on.
  bool goes_on = more && budget > 0;
  is_pacer_blocked_ = budget == 0 && has_to_send();
  if (!goes_on) arm_timer();
  if (error != 0) fail(now, error);
  if (counted_.packets_sent > packets_before) update_keys_when_due();
  if (read_held(now)) goes_on = true;
  deliver_deferred(now);
  if (closed_) return false;
  return goes_on || closing_;
}

// Returns the packet's size, 0 when nothing can be sent now, or an NGTCP2_ERR code.
ngtcp2_ssize Connection::write_packet(Packet& packet, ngtcp2_tstamp ts) {
  for (;;) {
    const bool with_stream_bytes = ngtcp2_conn_get_max_data_left(connection_.get()) > 0;
    if (scheduler_.has_datagrams()) {
      const std::size_t dropped = dropped_datagrams_.size();
      scheduler_.drop_stale(now_, max_datagram_bytes(), dropped_datagrams_);
      counted_.datagram_frames_dropped += dropped_datagrams_.size() - dropped;
    }
    const SendScheduler::Next next = scheduler_.next(with_stream_bytes);
    ngtcp2_ssize size = 0;
    if (next.datagram != nullptr) {
      size = write_datagram_piece(packet, *next.datagram, next.priority, ts);
    } else if (next.stream != nullptr) {
      size = write_stream_piece(packet, *next.stream, ts);
    } else {
      size = write_rest(packet, ts);
    }
    if (size != NGTCP2_ERR_WRITE_MORE) return size;
  }
}

// Acknowledgements, handshake, window updates, and whatever was gathered before. A stream that
// waits for the connection's limit is named with it: no byte of it will pass, but its writer learns
// when the peer wants no more.
ngtcp2_ssize Connection::write_rest(Packet& packet, ngtcp2_tstamp ts) {
  SendStream* waiting = scheduler_.next(true).stream;
  std::array<ngtcp2_vec, 1> piece;
  SendStream::Next next;
  if (waiting != nullptr) {
    next = waiting->next(piece);
    scheduler_.rotate(*waiting);
  }
  ngtcp2_ssize taken = -1;
  const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
      connection_.get(), &packet.path.path, &packet.info, packet.room.data(), packet.room.size(),
      &taken, NGTCP2_WRITE_STREAM_FLAG_NONE, waiting != nullptr ? waiting->id().value : -1,
      piece.data(), next.pieces, ts);
  if (size != NGTCP2_ERR_STREAM_NOT_FOUND && size != NGTCP2_ERR_STREAM_SHUT_WR) return size;
  refuse(*waiting);
  return NGTCP2_ERR_WRITE_MORE;
}

// STOP_SENDING came; its code is known only when the stream closes.
void Connection::refuse(SendStream& stream) {
  stream.end();
  scheduler_.remove(stream);
  refused_.push_back(stream.id());
}

ngtcp2_ssize Connection::write_stream_piece(Packet& packet, SendStream& stream, ngtcp2_tstamp ts) {
  std::array<ngtcp2_vec, 32> pieces;
  const SendStream::Next next = stream.next(pieces, packet.room.size());
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
    if (bytes > 0) stream.blocked_since = window_full_since_ = kNever;
    mark_sent(stream.priority(), bytes);
    if (stream.take_notification()) drained_.push_back(stream.id());
    scheduler_.rotate(stream);
    return size;
  }
  switch (size) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED:
      // The connection's own limit was looked at before; extend_max_stream_data() wakes it.
      stream.set_blocked(true);
      if (stream.blocked_since == kNever) stream.blocked_since = now_;
      if (!std::exchange(stream.is_to_be_retried, true)) blocked_.push_back(stream.id());
      scheduler_.update(stream);
      return NGTCP2_ERR_WRITE_MORE;
    case NGTCP2_ERR_STREAM_NOT_FOUND:
    case NGTCP2_ERR_STREAM_SHUT_WR:
      refuse(stream);
      return NGTCP2_ERR_WRITE_MORE;
    default:
      return size;
  }
}

ngtcp2_ssize Connection::write_datagram_piece(Packet& packet, OutgoingDatagramFrame& datagram,
                                              Priority priority, ngtcp2_tstamp ts) {
  // ngtcp2 asserts that no piece is empty.
  std::array<ngtcp2_vec, 2> pieces;
  std::size_t count = 0;
  const std::size_t bytes = datagram.header.size() + datagram.payload.size();
  for (const Buffer* part : {&datagram.header, &datagram.payload}) {
    if (part->empty()) continue;
    pieces[count++] = {const_cast<std::uint8_t*>(part->data()), part->size()};
  }
  int accepted = 0;
  const ngtcp2_ssize size = ngtcp2_conn_writev_datagram(
      connection_.get(), &packet.path.path, &packet.info, packet.room.data(), packet.room.size(),
      &accepted, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, bytes, pieces.data(), count, ts);
  if (accepted != 0) {
    ++counted_.datagram_frames_sent;
    mark_sent(priority, bytes);
    if (datagram.tag != 0) sent_datagrams_.push_back(datagram.tag);
    scheduler_.pop_datagram(priority);
  }
  return size;
}

}  // namespace echostream::transport
