#include "runtime/transport/connection.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/transport/close_reason.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {

// ngtcp2 asserts that time does not run backwards.
ngtcp2_tstamp Connection::tick(LocalTime now) {
  now_ = std::max(now_, now);
  return static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
}

void Connection::changed() { host_.want_write(*this); }

// ---- Input.

void Connection::handle_datagram(LocalTime now, const IncomingDatagram& datagram) {
  ++counted_.packets_received;
  counted_.bytes_received += datagram.data.size();
  constexpr std::uint8_t kCongestionExperienced = 3;  // RFC 3168
  if (datagram.ecn == kCongestionExperienced) ++counted_.ecn_ce_packets_received;
  if (closed_) {
    // Answer ever more rarely (RFC 9000 section 10.2.1).
    if (!close_packet_.empty() && std::has_single_bit(++packets_since_close_)) {
      ++close_packets_owed_;
      changed();
    }
    return;
  }
  if (closing_) return;
  tick(now);
  if (!may_come_from(datagram.remote)) return;
  if (!arrived_at_.is_set()) arrived_at_ = datagram.local;  // on_connected() comes before the next
  IncomingDatagram readable = datagram;
  if (!is_settled_) readable.data = hold_back(datagram);
  if (!readable.data.empty()) read_datagram(readable);
  check_abuse();
  retry_blocked_stream();
  deliver_deferred(now);
  changed();
}

void Connection::read_datagram(const IncomingDatagram& datagram) {
  // A client's local address is whatever the system chose, and not worth following packet by
  // packet: its socket is what counts.
  const SocketAddress& socket = datagram.socket.is_set() ? datagram.socket : first_socket_;
  const SocketAddress& local = is_server_ ? datagram.local : socket;
  const NativeAddress native_local(local);
  const NativeAddress native_remote(datagram.remote);
  const ngtcp2_path path{native_local.get(), native_remote.get(), nullptr};
  ngtcp2_pkt_info info{};
  info.ecn = datagram.ecn;
  const bool is_known = is_known_address(datagram.remote);
  const std::uint64_t authentic = tls_->received_numbers().count();
  const int result = read_guarded(path, info, datagram.data);
  if (result != 0) fail(now_, result);
  if (closed_) return;
  if (!is_known && tls_->received_numbers().count() > authentic) note_new_address(datagram.remote);
  note_arrival(datagram.local, local);
  if (closing_) return;
  begin_waiting_migration(now_);
  observe_acknowledgements();
}

// ngtcp2 1.11 tells of STOP_SENDING only to those who write, and a stream that waits for the peer's
// window does not. So with each datagram one of them tries, whatever came.
void Connection::retry_blocked_stream() {
  if (blocked_.empty()) return;
  SendStream* stream = find_stream(blocked_.front());
  blocked_.erase(blocked_.begin());
  if (stream == nullptr) return;
  stream->is_to_be_retried = false;
  stream->set_blocked(false);
  scheduler_.update(*stream);
}

void Connection::handle_stateless_reset(LocalTime now) {
  if (closed_) return;
  tick(now);
  finish(now, closed_by_stateless_reset());
}

void Connection::on_timer(LocalTime now) {
  if (closed_) {
    if (now >= forget_at_ && released_) return host_.retire(*this);
    if (now < forget_at_) host_.arm(*this, forget_at_);
    return;
  }
  const int result = ngtcp2_conn_handle_expiry(connection_.get(), tick(now));
  if (result != 0) fail(now, result);
  check_large_packets();
  check_full_window();
  check_stalled_streams();
  deliver_deferred(now);
  changed();
}

void Connection::fail(LocalTime now, int error) {
  if (closed_ || closing_) return;
  const std::uint8_t alert = ngtcp2_conn_get_tls_alert(connection_.get());
  CloseInfo info = closed_by_error(error, alert, tls_->peer(), is_server_, open_);
  switch (error) {
    case NGTCP2_ERR_DRAINING:
      return finish(now, closed_by_peer(*ngtcp2_conn_get_ccerr(connection_.get())));
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return finish(now, std::move(info));  // nobody is there to be told
    case NGTCP2_ERR_RETRY:
      wants_retry_ = true;
      return finish(now, std::move(info));
    default:
      break;
  }
  Closing closing;
  ngtcp2_ccerr wire_error;
  if (error == NGTCP2_ERR_CRYPTO) {
    ngtcp2_ccerr_set_tls_alert(&wire_error, alert, nullptr, 0);
  } else {
    ngtcp2_ccerr_set_liberr(&wire_error, error, nullptr, 0);
  }
  closing.code = wire_error.error_code;
  closing.info = std::move(info);
  begin_close(std::move(closing));
}

// ---- The end.

void Connection::close(std::uint64_t application_code, std::string reason) {
  if (closed_ || closing_) return;
  constexpr std::size_t kMostReasonBytes = 512;
  Closing closing;
  closing.type = NGTCP2_CCERR_TYPE_APPLICATION;
  closing.code = application_code;
  closing.info = closed_by_us(application_code, reason);
  closing.reason = std::move(reason);
  closing.reason.resize(std::min(closing.reason.size(), kMostReasonBytes));
  begin_close(std::move(closing));
}

void Connection::begin_close(Closing closing) {
  closing_ = std::move(closing);
  changed();
}

void Connection::write_close(LocalTime now, PacketBatch& batch) {
  ngtcp2_ccerr error;
  ngtcp2_ccerr_default(&error);
  error.type = closing_->type;
  error.error_code = closing_->code;
  error.reason = reinterpret_cast<const std::uint8_t*>(closing_->reason.data());
  error.reasonlen = closing_->reason.size();
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  const MutableBytes room = batch.room();
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
      connection_.get(), &path.path, &info, room.data(), room.size(), &error, tick(now));
  if (size > 0) {
    const auto bytes = static_cast<std::size_t>(size);
    close_packet_.assign(room.begin(), room.begin() + size);
    batch.add(bytes, from_native(path.path.local), from_native(path.path.remote), info.ecn);
    ++counted_.packets_sent;
    counted_.bytes_sent += bytes;
  }
  finish(now, std::move(closing_->info));
}

void Connection::finish(LocalTime now, CloseInfo info) {
  close_local_ = from_native(ngtcp2_conn_get_path(connection_.get())->local);
  close_remote_ = remote_address();
  closed_ = true;
  // RFC 9000 section 10.2: late packets are recognised for three probe timeouts.
  forget_at_ =
      now + 3 * Duration(static_cast<Duration::rep>(ngtcp2_conn_get_pto(connection_.get())));
  if (sink_ != nullptr) {
    sink_->on_closed(now, info);
  } else {
    released_ = true;  // never handed out, so nobody will
    const bool is_judged = info.status.code() == StatusCode::kUnauthenticated && !info.by_peer;
    if (is_server_ && is_judged) host_.refused(now, close_remote_, info.status);
  }
  streams_.clear();
  drained_.clear();
  refused_.clear();
  blocked_.clear();
  held_.clear();
  dropped_datagrams_.clear();
  sent_datagrams_.clear();
  migrations_.clear();
  connection_.reset();
  tls_.reset();
  qlog_.reset();
  host_.arm(*this, forget_at_);
}

void Connection::release() {
  released_ = true;
  sink_ = nullptr;
  // Past its closing period: at the next look at the timers.
  if (closed_ && !is_armed()) host_.arm(*this, now_);
}

void Connection::deliver_deferred(LocalTime now) {
  if (closed_ || sink_ == nullptr) return;
  for (const StreamId id : std::exchange(drained_, {})) sink_->on_stream_drained(now, id);
  for (const StreamId id : std::exchange(refused_, {})) sink_->on_stop_sending(now, id, 0);
  for (const std::uint64_t tag : std::exchange(dropped_datagrams_, {})) {
    sink_->on_datagram_dropped(now, tag);
  }
  for (const std::uint64_t tag : std::exchange(sent_datagrams_, {})) {
    sink_->on_datagram_sent(now, tag);
  }
  if (std::exchange(path_changed_, false)) sink_->on_path_changed(now);
  for (const auto& [local, status] : std::exchange(migrations_, {})) {
    sink_->on_migrated(now, local, status);
  }
  for (const std::string& ticket : tls_->take_tickets()) {
    sink_->on_session_ticket(now, as_bytes(ticket));
  }
}

// ---- ngtcp2's callbacks.

int Connection::on_handshake_completed() {
  open_ = true;
  keys_since_ = now_;
  keys_since_packet_ = counted_.packets_sent;
  is_half_open_ = false;
  host_.handshake_over(*this);
  // A rejection was noted when it came.
  if (tls_->early_data_accepted()) early_data_accepted_ = true;
  if (is_server_) {
    if (sink_ == nullptr && !accept_client()) return 0;
    AddressTokens::Nonce nonce;
    host_.fill_random(nonce);
    const auto token = host_.tokens().make_new_token(host_.wall_time(), remote_address(), nonce);
    if (ngtcp2_conn_submit_new_token(connection_.get(), token.data(), token.size()) != 0) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
  }
  sink_->on_connected(now_);
  return 0;
}

bool Connection::accept_client() {
  sink_ = host_.accept(now_, *this);
  if (sink_ != nullptr) return true;
  Closing refusal;
  refusal.code = NGTCP2_CONNECTION_REFUSED;
  refusal.info.status = Status(StatusCode::kUnavailable, "refused by this side");
  begin_close(std::move(refusal));
  return false;
}

// ngtcp2 has forgotten all streams, and what it sent on them: they are opened again, with the same
// ids, after the handshake.
int Connection::on_early_data_rejected() {
  early_data_accepted_ = false;
  for (auto& [id, stream] : streams_) scheduler_.remove(*stream);
  streams_.clear();
  drained_.clear();
  refused_.clear();
  blocked_.clear();
  if (sink_ != nullptr) sink_->on_early_data_rejected(now_);
  return 0;
}

void Connection::on_acknowledged(std::uint64_t bytes) {
  newly_acknowledged_ += bytes;
  unacknowledged_since_ = kNever;
  stalled_since_ = kNever;
}

int Connection::on_stream_open(StreamId id) {
  // Early data: whoever has the ticket's key was let in before. What it says may be a copy of what
  // it said then, until the handshake is complete.
  if (is_server_ && sink_ == nullptr && !closing_ && accept_client()) early_data_accepted_ = true;
  if (id.is_bidirectional()) add_stream(id);
  return 0;
}

int Connection::on_stream_close(StreamId id, std::uint64_t code, bool is_broken) {
  if (SendStream* stream = find_stream(id)) {
    // Closed before we ended our side: the peer asked for it. ngtcp2 tells of STOP_SENDING itself
    // only in versions after 1.11; by then our RESET_STREAM has been acknowledged.
    if (!stream->fin_is_sent()) on_stop_sending(id, code);
    scheduler_.remove(*stream);
    if (stream->is_to_be_retried) std::erase(blocked_, id);
  }
  streams_.erase(id.value);
  std::erase(drained_, id);  // no word about a stream after its last
  if (id.is_opened_by_server() != is_server_) {
    if (is_broken) guard_.on_broken_stream(now_);
    if (id.is_bidirectional()) {
      ngtcp2_conn_extend_max_streams_bidi(connection_.get(), 1);
    } else {
      ngtcp2_conn_extend_max_streams_uni(connection_.get(), 1);
    }
  }
  if (sink_ != nullptr) sink_->on_stream_closed(now_, id);
  return 0;
}

int Connection::on_stop_sending(StreamId id, std::uint64_t code) {
  SendStream* stream = find_stream(id);
  if (stream == nullptr || stream->has_ended()) return 0;
  stream->end();
  scheduler_.remove(*stream);
  if (sink_ != nullptr) sink_->on_stop_sending(now_, id, code);
  return 0;
}

int Connection::on_id_status(bool is_active, const std::uint8_t* token) {
  guard_.on_id_change(now_);
  is_settled_ = true;  // the first id comes into use when the handshake ends
  if (token == nullptr) return 0;
  ResetToken bytes;
  std::copy_n(token, bytes.size(), bytes.begin());
  if (is_active) {
    reset_tokens_.push_back(bytes);
    host_.add_reset_token(bytes, *this);
  } else {
    std::erase(reset_tokens_, bytes);
    host_.remove_reset_token(bytes);
  }
  return 0;
}

int Connection::on_new_id(ngtcp2_cid* id, std::uint8_t* token, std::size_t size) {
  ECHOSTREAM_CHECK(size == ConnectionId::kOwnBytes, "ids of ours are as long as the first one");
  guard_.on_id_change(now_);
  const ConnectionId made = make_id();
  *id = made.to_ngtcp2();
  const ResetToken reset_token = host_.tokens().reset_token(made);
  std::copy(reset_token.begin(), reset_token.end(), token);
  return 0;
}

int Connection::on_remove_id(const ngtcp2_cid& id) {
  const ConnectionId gone(id);
  std::erase(ids_, gone);
  host_.remove_id(gone);
  return 0;
}

}  // namespace echostream::transport
