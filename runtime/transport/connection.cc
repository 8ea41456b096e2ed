#include "runtime/transport/connection.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/transport/close_reason.h"
#include "runtime/transport/connection_callbacks.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

// Ids of ours: long enough that nobody guesses one, short enough for every packet.
constexpr std::size_t kIdBytes = 16;

ngtcp2_cc_algo to_ngtcp2(CongestionControl algorithm) {
  switch (algorithm) {
    case CongestionControl::kNewReno:
      return NGTCP2_CC_ALGO_RENO;
    case CongestionControl::kCubic:
      return NGTCP2_CC_ALGO_CUBIC;
    case CongestionControl::kBbr:
      return NGTCP2_CC_ALGO_BBR;
  }
  return NGTCP2_CC_ALGO_CUBIC;
}

ngtcp2_duration to_ngtcp2(Duration duration) {
  return static_cast<ngtcp2_duration>(std::max<Duration::rep>(duration.count(), 0));
}

}  // namespace

Connection::Connection(ConnectionHost& host, LocalTime now, bool is_server,
                       QuicConnectionSink* sink)
    : host_(host),
      now_(now),
      is_server_(is_server),
      sink_(sink),
      scheduler_(host.quic_options().max_queued_datagram_bytes) {}

Connection::~Connection() {
  for (const ConnectionId& id : ids_) host_.remove_id(id);
  for (const ResetToken& token : reset_tokens_) host_.remove_reset_token(token);
}

std::unique_ptr<Connection> Connection::accept(ConnectionHost& host, LocalTime now,
                                               WallTime wall_now, TlsContext& tls,
                                               const Arrival& arrival) {
  std::unique_ptr<Connection> connection(new Connection(host, now, true, nullptr));
  if (!connection->start_server(wall_now, tls, arrival)) return nullptr;
  return connection;
}

std::unique_ptr<Connection> Connection::dial(ConnectionHost& host, LocalTime now, WallTime wall_now,
                                             TlsContext& tls, const Departure& departure,
                                             QuicConnectionSink& sink) {
  std::unique_ptr<Connection> connection(new Connection(host, now, false, &sink));
  if (!connection->start_client(wall_now, tls, departure)) return nullptr;
  return connection;
}

bool Connection::start_server(WallTime wall_now, TlsContext& tls, const Arrival& arrival) {
  tls_ = std::make_unique<TlsHandshake>(tls, true, std::string(), wall_now);
  const ngtcp2_settings settings = make_settings(
      arrival.token, arrival.original_id ? NGTCP2_TOKEN_TYPE_RETRY : NGTCP2_TOKEN_TYPE_NEW_TOKEN);
  const ConnectionId id = make_id();
  ngtcp2_transport_params parameters = make_parameters();
  parameters.original_dcid = arrival.original_id.value_or(arrival.destination_id).to_ngtcp2();
  parameters.original_dcid_present = 1;
  if (arrival.original_id) {
    parameters.retry_scid = arrival.destination_id.to_ngtcp2();
    parameters.retry_scid_present = 1;
  }
  const ResetToken token = host_.tokens().reset_token(id);
  std::copy(token.begin(), token.end(), parameters.stateless_reset_token);
  parameters.stateless_reset_token_present = 1;

  const NativeAddress local(arrival.local);
  const NativeAddress remote(arrival.remote);
  const ngtcp2_path path{local.get(), remote.get(), nullptr};
  const ngtcp2_callbacks callbacks = ConnectionCallbacks::server();
  const ngtcp2_cid client_id = arrival.client_id.to_ngtcp2();
  const ngtcp2_cid own_id = id.to_ngtcp2();
  ngtcp2_conn* made = nullptr;
  if (ngtcp2_conn_server_new(&made, &client_id, &own_id, &path, NGTCP2_PROTO_VER_V1, &callbacks,
                             &settings, &parameters, nullptr, this) != 0) {
    return false;
  }
  connection_.reset(made);
  tls_->attach(*made);
  // Until the client has seen ours it sends to the id of its own choice.
  ids_.push_back(arrival.destination_id);
  host_.add_id(arrival.destination_id, *this);
  return true;
}

bool Connection::start_client(WallTime wall_now, TlsContext& tls, const Departure& departure) {
  tls_ = std::make_unique<TlsHandshake>(tls, false, departure.server_name, wall_now);
  const ngtcp2_settings settings = make_settings(departure.token, NGTCP2_TOKEN_TYPE_NEW_TOKEN);
  const ngtcp2_transport_params parameters = make_parameters();
  std::array<std::uint8_t, kIdBytes> destination;
  host_.fill_random(destination);
  const ngtcp2_cid destination_id = ConnectionId(destination).to_ngtcp2();
  const ngtcp2_cid own_id = make_id().to_ngtcp2();
  const NativeAddress local(departure.local);
  const NativeAddress remote(departure.remote);
  const ngtcp2_path path{local.get(), remote.get(), nullptr};
  const ngtcp2_callbacks callbacks = ConnectionCallbacks::client();
  ngtcp2_conn* made = nullptr;
  if (ngtcp2_conn_client_new(&made, &destination_id, &own_id, &path, NGTCP2_PROTO_VER_V1,
                             &callbacks, &settings, &parameters, nullptr, this) != 0) {
    return false;
  }
  connection_.reset(made);
  tls_->attach(*made);
  return true;
}

ngtcp2_settings Connection::make_settings(BytesView token, ngtcp2_token_type token_type) const {
  const QuicOptions& options = host_.quic_options();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.cc_algo = to_ngtcp2(options.congestion_control);
  settings.initial_ts = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  settings.max_tx_udp_payload_size = options.max_udp_payload_bytes;
  settings.handshake_timeout = to_ngtcp2(options.handshake_timeout);
  // Every packet is acknowledged when the batch it came in has been handled, together with what the
  // application answered: waiting for a second one would cost a packet of its own later.
  settings.ack_thresh = 1;
  settings.rand_ctx.native_handle = &host_;
  if (!token.empty()) {
    settings.token = token.data();
    settings.tokenlen = token.size();
    settings.token_type = token_type;
  }
  return settings;
}

ngtcp2_transport_params Connection::make_parameters() const {
  const QuicOptions& options = host_.quic_options();
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_data = options.connection_window_bytes;
  parameters.initial_max_stream_data_bidi_local = options.stream_window_bytes;
  parameters.initial_max_stream_data_bidi_remote = options.stream_window_bytes;
  parameters.initial_max_stream_data_uni = options.stream_window_bytes;
  parameters.initial_max_streams_bidi = options.max_bidirectional_streams;
  parameters.initial_max_streams_uni = options.max_unidirectional_streams;
  parameters.max_idle_timeout = to_ngtcp2(options.idle_timeout);
  parameters.max_datagram_frame_size = options.max_datagram_frame_bytes;
  parameters.active_connection_id_limit = 7;
  parameters.grease_quic_bit = options.grease_quic_bit ? 1 : 0;
  return parameters;
}

ConnectionId Connection::make_id() {
  std::array<std::uint8_t, kIdBytes> bytes;
  host_.fill_random(bytes);
  const ConnectionId id(bytes);
  ids_.push_back(id);
  host_.add_id(id, *this);
  return id;
}

// ngtcp2 asserts that time does not run backwards.
ngtcp2_tstamp Connection::tick(LocalTime now) {
  now_ = std::max(now_, now);
  return static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
}

void Connection::changed() { host_.want_write(*this); }

// ---- Input.

void Connection::handle_datagram(LocalTime now, const SocketAddress& local,
                                 const SocketAddress& remote, std::uint8_t ecn, BytesView data) {
  ++packets_received_;
  bytes_received_ += data.size();
  if (closed_) {
    // Answer ever more rarely (RFC 9000 section 10.2.1).
    if (!close_packet_.empty() && std::has_single_bit(++packets_since_close_)) {
      ++close_packets_owed_;
      changed();
    }
    return;
  }
  if (closing_) return;
  const ngtcp2_tstamp ts = tick(now);
  // A client's local address is whatever the system chose, and not worth following packet by
  // packet.
  const NativeAddress native_local(is_server_ ? local : local_address());
  const NativeAddress native_remote(remote);
  const ngtcp2_path path{native_local.get(), native_remote.get(), nullptr};
  ngtcp2_pkt_info info{};
  info.ecn = ecn;
  const int result =
      ngtcp2_conn_read_pkt(connection_.get(), &path, &info, data.data(), data.size(), ts);
  if (result != 0) fail(now, result);
  deliver_deferred(now);
  changed();
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
    case NGTCP2_ERR_RETRY:
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return finish(now, std::move(info));  // nobody is there to be told
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
    close_local_ = from_native(path.path.local);
    close_remote_ = from_native(path.path.remote);
    batch.add(bytes, close_local_, close_remote_, info.ecn);
    ++packets_sent_;
    bytes_sent_ += bytes;
  }
  finish(now, std::move(closing_->info));
}

void Connection::finish(LocalTime now, CloseInfo info) {
  closed_ = true;
  if (!handshake_over_) {
    handshake_over_ = true;
    host_.handshake_over(*this);
  }
  // RFC 9000 section 10.2: late packets are recognised for three probe timeouts.
  forget_at_ =
      now + 3 * Duration(static_cast<Duration::rep>(ngtcp2_conn_get_pto(connection_.get())));
  if (sink_ != nullptr) {
    sink_->on_closed(now, info);
  } else {
    released_ = true;  // never handed out, so nobody will
  }
  streams_.clear();
  drained_.clear();
  refused_.clear();
  dropped_datagrams_.clear();
  connection_.reset();
  tls_.reset();
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
}

// ---- ngtcp2's callbacks.

int Connection::on_handshake_completed() {
  open_ = true;
  handshake_over_ = true;
  host_.handshake_over(*this);
  if (is_server_) {
    sink_ = host_.accept(now_, *this);
    if (sink_ == nullptr) {
      Closing refusal;
      refusal.code = NGTCP2_CONNECTION_REFUSED;
      refusal.info.status = Status(StatusCode::kUnavailable, "refused by this side");
      begin_close(std::move(refusal));
      return 0;
    }
    AddressTokens::Nonce nonce;
    host_.fill_random(nonce);
    const auto token = host_.tokens().make_new_token(now_, remote_address(), nonce);
    if (ngtcp2_conn_submit_new_token(connection_.get(), token.data(), token.size()) != 0) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
  }
  sink_->on_connected(now_);
  return 0;
}

int Connection::on_stream_open(StreamId id) {
  if (id.is_bidirectional()) add_stream(id);
  return 0;
}

int Connection::on_stream_close(StreamId id, std::uint64_t code) {
  if (SendStream* stream = find_stream(id)) {
    // Closed before we ended our side: the peer asked for it. ngtcp2 tells of STOP_SENDING itself
    // only in versions after 1.11; by then our RESET_STREAM has been acknowledged.
    if (!stream->fin_is_sent()) on_stop_sending(id, code);
    scheduler_.remove(*stream);
  }
  streams_.erase(id.value);
  if (id.is_opened_by_server() != is_server_) {
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
  std::array<std::uint8_t, ConnectionId::kMostBytes> bytes;
  const MutableBytes random = MutableBytes(bytes).first(size);
  host_.fill_random(random);
  const ConnectionId made(random);
  *id = made.to_ngtcp2();
  const ResetToken reset_token = host_.tokens().reset_token(made);
  std::copy(reset_token.begin(), reset_token.end(), token);
  ids_.push_back(made);
  host_.add_id(made, *this);
  return 0;
}

int Connection::on_remove_id(const ngtcp2_cid& id) {
  const ConnectionId gone(id);
  std::erase(ids_, gone);
  host_.remove_id(gone);
  return 0;
}

}  // namespace echostream::transport
