// How a connection comes to be, from the client's first packet or by dialling, and what it offers
// to its peer.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "runtime/transport/connection.h"
#include "runtime/transport/connection_callbacks.h"
#include "runtime/transport/qlog_records.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

// RFC 9000 section 14: what every path takes.
constexpr std::size_t kLeastPacketBytes = 1200;

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

// What path MTU discovery tries, the first that passes wins: the loopback, jumbo frames, and an MTU
// of 1500, 1492 (PPPoE), 1454 and less, all with an IPv6 header. ngtcp2's own list ends at 1444.
constexpr std::array<std::uint16_t, 7> kProbeSizes = {65487, 8952, 1452, 1444, 1406, 1342, 1232};

// What may leave at once under the ceiling of what is sent: ten milliseconds' worth.
constexpr std::uint64_t kSendBurstsPerSecond = 100;
// Those that a limit lets through, and the limit itself.
std::vector<std::uint16_t> probe_sizes(std::size_t most) {
  std::vector<std::uint16_t> sizes;
  for (const std::uint16_t size : kProbeSizes) {
    if (size <= most) sizes.push_back(size);
  }
  if (most > kLeastPacketBytes && most < kProbeSizes.front() &&
      (sizes.empty() || sizes.front() != most)) {
    sizes.insert(sizes.begin(), static_cast<std::uint16_t>(most));
  }
  return sizes;
}

ngtcp2_duration to_ngtcp2(Duration duration) {
  return static_cast<ngtcp2_duration>(std::max<Duration::rep>(duration.count(), 0));
}

}  // namespace

Connection::Connection(ConnectionHost& host, LocalTime now, bool is_server,
                       QuicConnectionSink* sink)
    : host_(host),
      started_at_(now),
      now_(now),
      is_server_(is_server),
      sink_(sink),
      scheduler_(host.quic_options().max_queued_datagram_bytes),
      path_changes_(host.quic_options().max_path_changes_per_second),
      is_settled_(is_server),
      guard_(host.quic_options()),
      send_limit_(host.quic_options().max_send_bytes_per_second,
                  std::max<std::uint64_t>(
                      host.quic_options().max_send_bytes_per_second / kSendBurstsPerSecond, 1)) {}

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
  tls_ = std::make_unique<TlsHandshake>(tls, true, std::string(), PeerName(), wall_now);
  if (host_.quic_options().asks_clients_to_wait) tls_->ask_to_wait();
  const ConnectionId original_id = arrival.original_id.value_or(arrival.destination_id);
  qlog_ = host_.open_qlog(original_id, true);
  const ConnectionId id = make_id();
  ngtcp2_transport_params parameters = make_parameters();
  offer_preferred_address(parameters);
  parameters.original_dcid = original_id.to_ngtcp2();
  parameters.original_dcid_present = 1;
  if (arrival.original_id) {
    parameters.retry_scid = arrival.destination_id.to_ngtcp2();
    parameters.retry_scid_present = 1;
  }
  const ResetToken token = host_.tokens().reset_token(id);
  std::copy(token.begin(), token.end(), parameters.stateless_reset_token);
  parameters.stateless_reset_token_present = 1;
  if (!fits_qlog(parameters)) qlog_.reset();
  const auto probes = probe_sizes(host_.quic_options().max_udp_payload_bytes);
  const ngtcp2_settings settings = make_settings(
      arrival.token, arrival.original_id ? NGTCP2_TOKEN_TYPE_RETRY : NGTCP2_TOKEN_TYPE_NEW_TOKEN,
      probes);

  const NativeAddress local(arrival.local);
  const NativeAddress remote(arrival.remote);
  const ngtcp2_path path{local.get(), remote.get(), nullptr};
  const ngtcp2_callbacks callbacks = ConnectionCallbacks::server();
  const ngtcp2_cid client_id = arrival.client_id.to_ngtcp2();
  const ngtcp2_cid own_id = id.to_ngtcp2();
  ngtcp2_conn* made = nullptr;
  if (ngtcp2_conn_server_new(&made, &client_id, &own_id, &path, NGTCP2_PROTO_VER_V1, &callbacks,
                             &settings, &parameters, memory_.get(), this) != 0) {
    return false;
  }
  take(made);
  // Until the client has seen ours it sends to the id of its own choice.
  ids_.push_back(arrival.destination_id);
  host_.add_id(arrival.destination_id, *this);
  return true;
}

bool Connection::start_client(WallTime wall_now, TlsContext& tls, const Departure& departure) {
  tls_ = std::make_unique<TlsHandshake>(tls, false, departure.server_name, departure.peer_name,
                                        wall_now);
  // The server's until it names its own.
  std::array<std::uint8_t, ConnectionId::kOwnBytes> destination;
  host_.fill_random(destination);
  const ngtcp2_cid destination_id = ConnectionId(destination).to_ngtcp2();
  qlog_ = host_.open_qlog(ConnectionId(destination), false);
  const auto probes = probe_sizes(host_.quic_options().max_udp_payload_bytes);
  const ngtcp2_settings settings =
      make_settings(departure.token, NGTCP2_TOKEN_TYPE_NEW_TOKEN, probes);
  const ngtcp2_transport_params parameters = make_parameters();
  const ngtcp2_cid own_id = make_id().to_ngtcp2();
  first_socket_ = departure.local;
  const NativeAddress local(departure.local);
  const NativeAddress remote(departure.remote);
  const ngtcp2_path path{local.get(), remote.get(), nullptr};
  const ngtcp2_callbacks callbacks = ConnectionCallbacks::client();
  ngtcp2_conn* made = nullptr;
  if (ngtcp2_conn_client_new(&made, &destination_id, &own_id, &path, NGTCP2_PROTO_VER_V1,
                             &callbacks, &settings, &parameters, memory_.get(), this) != 0) {
    return false;
  }
  take(made);
  if (!departure.ticket.empty()) tls_->resume(as_bytes(departure.ticket), departure.early_data);
  return tls_->start();
}

void Connection::take(ngtcp2_conn* made) {
  connection_.reset(made);
  OfferFilter filter;
  filter.keeps_quic_bit = !host_.quic_options().grease_quic_bit;
  filter.is_traced = qlog_ != nullptr;
  tls_->attach(*made, filter);
}

ngtcp2_settings Connection::make_settings(BytesView token, ngtcp2_token_type token_type,
                                          const std::vector<std::uint16_t>& probes) const {
  const QuicOptions& options = host_.quic_options();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.cc_algo = to_ngtcp2(options.congestion_control);
  settings.initial_ts = static_cast<ngtcp2_tstamp>(now_.time_since_epoch().count());
  settings.max_tx_udp_payload_size = options.max_udp_payload_bytes;
  // ngtcp2 copies them.
  settings.pmtud_probes = probes.data();
  settings.pmtud_probeslen = probes.size();
  settings.handshake_timeout = to_ngtcp2(options.handshake_timeout);
  // Every packet is acknowledged when the batch it came in has been handled, together with what the
  // application answered: waiting for a second one would cost a packet of its own later.
  settings.ack_thresh = 1;
  settings.rand_ctx.native_handle = &host_;
  if (qlog_) {
    settings.qlog_write = [](void* user, std::uint32_t, const void* data, std::size_t size) {
      static_cast<Connection*>(user)->on_qlog({static_cast<const std::uint8_t*>(data), size});
    };
  }
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
  // The peer is offered two fewer: TlsHandshake::offer_transport_parameters().
  parameters.active_connection_id_limit = 8;
  parameters.grease_quic_bit = options.grease_quic_bit ? 1 : 0;
  return parameters;
}

// Under an id of its own (RFC 9000 section 9.6).
void Connection::offer_preferred_address(ngtcp2_transport_params& parameters) {
  const QuicOptions& options = host_.quic_options();
  if (!options.preferred_ipv4.is_set() && !options.preferred_ipv6.is_set()) return;
  const ConnectionId id = make_id();
  ngtcp2_preferred_addr& offer = parameters.preferred_addr;
  offer.cid = id.to_ngtcp2();
  const ResetToken token = host_.tokens().reset_token(id);
  std::copy(token.begin(), token.end(), offer.stateless_reset_token);
  if (options.preferred_ipv4.is_set()) {
    const NativeAddress address(options.preferred_ipv4);
    std::memcpy(&offer.ipv4, address.get().addr, sizeof offer.ipv4);
    offer.ipv4_present = 1;
  }
  if (options.preferred_ipv6.is_set()) {
    const NativeAddress address(options.preferred_ipv6);
    std::memcpy(&offer.ipv6, address.get().addr, sizeof offer.ipv6);
    offer.ipv6_present = 1;
  }
  parameters.preferred_addr_present = 1;
}

void Connection::on_qlog(BytesView record) {
  if (record.empty()) return;  // the last call brings nothing
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - started_at_);
  const std::string repaired =
      repaired_qlog_record(record, static_cast<std::uint64_t>(time.count()));
  qlog_->on_qlog(repaired.empty() ? record : as_bytes(repaired));
}

ConnectionId Connection::make_id() {
  const ConnectionId id = host_.new_id();
  ids_.push_back(id);
  host_.add_id(id, *this);
  return id;
}

}  // namespace echostream::transport
