#include "bench/peers/ngtcp2/connection.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "runtime/transport/crypto/packet_protection.h"
#include "runtime/transport/quic_options.h"

namespace bench::quic {
namespace {

namespace transport = echostream::transport;

constexpr std::array<std::uint16_t, 1> kProbes = {kDatagramBytes};

Connection& self(void* user) { return *static_cast<Connection*>(user); }

ngtcp2_cid to_cid(Id id) {
  ngtcp2_cid cid;
  std::array<std::uint8_t, kIdBytes> bytes;
  std::memcpy(bytes.data(), &id, kIdBytes);
  ngtcp2_cid_init(&cid, bytes.data(), bytes.size());
  return cid;
}

Id to_id(const ngtcp2_cid& cid) {
  Id id = 0;
  std::memcpy(&id, cid.data, std::min(cid.datalen, kIdBytes));
  return id;
}

echostream::WallTime wall_now() {
  return echostream::WallTime(std::chrono::duration_cast<echostream::Duration>(
      std::chrono::system_clock::now().time_since_epoch()));
}

ngtcp2_settings make_settings(std::uint64_t now) {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = now;
  settings.max_tx_udp_payload_size = kDatagramBytes;
  settings.pmtud_probes = kProbes.data();
  settings.pmtud_probeslen = kProbes.size();
  // An acknowledgement goes with the reply that the same batch of datagrams brings about.
  settings.ack_thresh = 1;
  return settings;
}

// The same windows as EchoStream's.
ngtcp2_transport_params make_parameters() {
  const transport::QuicOptions options;
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_data = options.connection_window_bytes;
  parameters.initial_max_stream_data_bidi_local = options.stream_window_bytes;
  parameters.initial_max_stream_data_bidi_remote = options.stream_window_bytes;
  parameters.initial_max_streams_bidi = options.max_bidirectional_streams;
  parameters.max_idle_timeout =
      static_cast<ngtcp2_duration>(options.idle_timeout / std::chrono::nanoseconds(1));
  return parameters;
}

}  // namespace

Connection::Connection(const Setup& setup)
    : registry_(setup.ids),
      handler_(setup.handler),
      tls_(setup.tls, false, "localhost", wall_now()),
      local_(setup.local),
      remote_(setup.remote) {
  ngtcp2_cid own;
  make_id(own);
  Id destination = 0;
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&destination), sizeof destination);
  const ngtcp2_cid destination_cid = to_cid(destination);
  const ngtcp2_path where = path();
  const ngtcp2_callbacks calls = callbacks();
  const ngtcp2_settings settings = make_settings(setup.now);
  const ngtcp2_transport_params parameters = make_parameters();
  ngtcp2_conn* made = nullptr;
  over_ = ngtcp2_conn_client_new(&made, &destination_cid, &own, &where, NGTCP2_PROTO_VER_V1, &calls,
                                 &settings, &parameters, nullptr, this) != 0;
  attach(made);
  if (!over_ && !tls_.start()) over_ = true;
}

Connection::Connection(const Setup& setup, const ngtcp2_pkt_hd& first)
    : registry_(setup.ids),
      handler_(setup.handler),
      tls_(setup.tls, true, std::string(), wall_now()),
      local_(setup.local),
      remote_(setup.remote) {
  ngtcp2_cid own;
  make_id(own);
  // Until the client has seen ours it sends to the id of its own choice.
  ids_.push_back(to_id(first.dcid));
  registry_.add(ids_.back(), *this);
  const ngtcp2_path where = path();
  const ngtcp2_callbacks calls = callbacks();
  const ngtcp2_settings settings = make_settings(setup.now);
  ngtcp2_transport_params parameters = make_parameters();
  parameters.original_dcid = first.dcid;
  parameters.original_dcid_present = 1;
  ngtcp2_conn* made = nullptr;
  over_ = ngtcp2_conn_server_new(&made, &first.scid, &own, &where, NGTCP2_PROTO_VER_V1, &calls,
                                 &settings, &parameters, nullptr, this) != 0;
  attach(made);
}

Connection::~Connection() {
  for (const Id id : ids_) registry_.remove(id);
  ngtcp2_conn_del(connection_);
}

void Connection::attach(ngtcp2_conn* connection) {
  connection_ = connection;
  if (!over_) tls_.attach(*connection);
}

ngtcp2_path Connection::path() {
  return {{reinterpret_cast<sockaddr*>(&local_), sizeof local_},
          {reinterpret_cast<sockaddr*>(&remote_), sizeof remote_},
          nullptr};
}

Id Connection::make_id(ngtcp2_cid& out) {
  Id id = 0;
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&id), sizeof id);
  out = to_cid(id);
  ids_.push_back(id);
  registry_.add(id, *this);
  return id;
}

std::int64_t Connection::open_stream() {
  std::int64_t id = -1;
  if (ngtcp2_conn_open_bidi_stream(connection_, &id, nullptr) != 0) return -1;
  streams_.emplace(id, Stream());
  return id;
}

Stream* Connection::find(std::int64_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

void Connection::send(std::int64_t id, Stream& stream) {
  if (!stream.waits) ready_.push_back(id);
  stream.waits = true;
}

void Connection::handle_datagram(Bytes datagram, std::uint64_t now) {
  const ngtcp2_path where = path();
  const ngtcp2_pkt_info info{};
  if (ngtcp2_conn_read_pkt(connection_, &where, &info, datagram.data(), datagram.size(), now) !=
      0) {
    over_ = true;
  }
}

void Connection::handle_expiry(std::uint64_t now) {
  if (ngtcp2_conn_handle_expiry(connection_, now) != 0) over_ = true;
}

void Connection::write(UdpBatch& socket, std::uint64_t now) {
  while (!over_) {
    const ngtcp2_ssize size = write_packet(socket.room(), now);
    if (size < 0) over_ = true;
    if (size <= 0) return;
    socket.add(static_cast<std::size_t>(size), remote_);
  }
  // Nothing tells ngtcp2 when packets went out, so that it does not pace them: on one machine that
  // costs more than half of the calls.
}

ngtcp2_ssize Connection::write_packet(std::uint8_t* out, std::uint64_t now) {
  while (!ready_.empty() && ngtcp2_conn_get_max_data_left(connection_) > 0) {
    const std::int64_t id = ready_.front();
    Stream* stream = find(id);
    ngtcp2_ssize taken = -1;
    ngtcp2_ssize size = NGTCP2_ERR_STREAM_NOT_FOUND;
    if (stream != nullptr) size = write_stream(out, id, *stream, now, taken);
    if (taken >= 0) {
      stream->sent += static_cast<std::uint64_t>(taken);
      if (stream->sent == stream->total) {
        stream->waits = false;
        ready_.pop_front();
      }
      if (size != NGTCP2_ERR_WRITE_MORE) return size;
      continue;
    }
    if (size != NGTCP2_ERR_STREAM_DATA_BLOCKED && size != NGTCP2_ERR_STREAM_NOT_FOUND &&
        size != NGTCP2_ERR_STREAM_SHUT_WR) {
      return size;
    }
    // Until the peer allows more.
    if (stream != nullptr) stream->waits = false;
    ready_.pop_front();
  }
  return ngtcp2_conn_writev_stream(connection_, nullptr, nullptr, out, kDatagramBytes, nullptr,
                                   NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, now);
}

ngtcp2_ssize Connection::write_stream(std::uint8_t* out, std::int64_t id, Stream& stream,
                                      std::uint64_t now, ngtcp2_ssize& taken) {
  const std::uint64_t left = stream.total - stream.sent;
  const auto begin = static_cast<std::size_t>(stream.sent % stream.bytes.size());
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(left, stream.bytes.size() - begin));
  const ngtcp2_vec piece{reinterpret_cast<std::uint8_t*>(stream.bytes.data()) + begin, size};
  const std::uint32_t fin = stream.fin && size == left ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u;
  return ngtcp2_conn_writev_stream(connection_, nullptr, nullptr, out, kDatagramBytes, &taken,
                                   NGTCP2_WRITE_STREAM_FLAG_MORE | fin, id, &piece, 1, now);
}

void Connection::close(UdpBatch& socket, std::uint64_t now) {
  ngtcp2_ccerr error;
  ngtcp2_ccerr_default(&error);
  const ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
      connection_, nullptr, nullptr, socket.room(), kDatagramBytes, &error, now);
  if (size > 0) socket.add(static_cast<std::size_t>(size), remote_);
  over_ = true;
}

ngtcp2_callbacks Connection::callbacks() {
  ngtcp2_callbacks callbacks{};
  callbacks.client_initial = [](ngtcp2_conn*, void* user) {
    return self(user).tls_.install_client_keys();
  };
  callbacks.recv_retry = [](ngtcp2_conn*, const ngtcp2_pkt_hd* header, void* user) {
    return self(user).tls_.install_initial_keys(header->scid);
  };
  callbacks.recv_client_initial = [](ngtcp2_conn*, const ngtcp2_cid* destination, void* user) {
    return self(user).tls_.install_initial_keys(*destination);
  };
  callbacks.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t,
                                  const std::uint8_t* data, std::size_t size, void* user) {
    return self(user).tls_.handle_crypto_data(level, {data, size});
  };
  callbacks.handshake_completed = [](ngtcp2_conn*, void* user) {
    self(user).open_ = true;
    return 0;
  };
  callbacks.encrypt = transport::encrypt_payload;
  callbacks.decrypt = transport::decrypt_payload;
  callbacks.hp_mask = transport::header_mask;
  callbacks.delete_crypto_aead_ctx = transport::delete_aead_context;
  callbacks.delete_crypto_cipher_ctx = transport::delete_cipher_context;
  callbacks.update_key = [](ngtcp2_conn*, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                            ngtcp2_crypto_aead_ctx* rx_key, std::uint8_t* rx_iv,
                            ngtcp2_crypto_aead_ctx* tx_key, std::uint8_t* tx_iv,
                            const std::uint8_t* current_rx, const std::uint8_t* current_tx,
                            std::size_t size, void* user) {
    return self(user).tls_.update_keys(rx_secret, tx_secret, rx_key, rx_iv, tx_key, tx_iv,
                                       {current_rx, size}, {current_tx, size});
  };
  callbacks.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx*) {
    RAND_bytes(out, size);
  };
  callbacks.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token,
                                       std::size_t, void* user) {
    self(user).make_id(*id);
    RAND_bytes(token, NGTCP2_STATELESS_RESET_TOKENLEN);
    return 0;
  };
  callbacks.remove_connection_id = [](ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
    Connection& connection = self(user);
    connection.registry_.remove(to_id(*id));
    std::erase(connection.ids_, to_id(*id));
    return 0;
  };
  callbacks.get_path_challenge_data = [](ngtcp2_conn*, std::uint8_t* data, void*) {
    RAND_bytes(data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
  };
  add_stream_callbacks(callbacks);
  return callbacks;
}

void Connection::add_stream_callbacks(ngtcp2_callbacks& callbacks) {
  callbacks.stream_open = [](ngtcp2_conn*, std::int64_t id, void* user) {
    self(user).streams_.emplace(id, Stream());
    return 0;
  };
  callbacks.recv_stream_data = [](ngtcp2_conn* raw, std::uint32_t flags, std::int64_t id,
                                  std::uint64_t, const std::uint8_t* data, std::size_t size,
                                  void* user, void*) {
    Connection& connection = self(user);
    ngtcp2_conn_extend_max_stream_offset(raw, id, size);
    ngtcp2_conn_extend_max_offset(raw, size);
    if (Stream* stream = connection.find(id)) {
      connection.handler_.on_data(connection, id, *stream, {data, size},
                                  (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    }
    return 0;
  };
  callbacks.extend_max_stream_data = [](ngtcp2_conn*, std::int64_t id, std::uint64_t, void* user,
                                        void*) {
    Connection& connection = self(user);
    Stream* stream = connection.find(id);
    if (stream != nullptr && stream->sent < stream->total) connection.send(id, *stream);
    return 0;
  };
  callbacks.stream_close = [](ngtcp2_conn* raw, std::uint32_t, std::int64_t id, std::uint64_t,
                              void* user, void*) {
    self(user).streams_.erase(id);
    if (ngtcp2_conn_is_local_stream(raw, id) == 0) ngtcp2_conn_extend_max_streams_bidi(raw, 1);
    return 0;
  };
}

}  // namespace bench::quic
