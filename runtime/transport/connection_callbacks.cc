#include "runtime/transport/connection_callbacks.h"

#include <algorithm>
#include <cstring>

#include "runtime/transport/connection.h"
#include "runtime/transport/crypto/packet_protection.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

Connection& self(void* user) { return *static_cast<Connection*>(user); }

}  // namespace

ngtcp2_callbacks ConnectionCallbacks::client() {
  ngtcp2_callbacks callbacks = common();
  callbacks.client_initial = [](ngtcp2_conn*, void* user) {
    return self(user).tls_->install_client_keys();
  };
  callbacks.recv_retry = [](ngtcp2_conn*, const ngtcp2_pkt_hd* header, void* user) {
    // The next Initial goes to the id of the Retry, and is protected by keys made from it.
    return self(user).tls_->install_initial_keys(header->scid);
  };
  callbacks.tls_early_data_rejected = [](ngtcp2_conn*, void* user) {
    return self(user).on_early_data_rejected();
  };
  callbacks.handshake_confirmed = [](ngtcp2_conn*, void* user) {
    self(user).is_confirmed_ = true;
    return 0;
  };
  callbacks.select_preferred_addr = [](ngtcp2_conn*, ngtcp2_path* path,
                                       const ngtcp2_preferred_addr* offer, void* user) {
    const SocketAddress chosen = self(user).choose_preferred_address(*offer);
    if (!chosen.is_set()) return 0;
    const NativeAddress native(chosen);
    std::memcpy(path->remote.addr, native.get().addr, native.get().addrlen);
    path->remote.addrlen = native.get().addrlen;
    return 0;
  };
  callbacks.recv_new_token = [](ngtcp2_conn*, const std::uint8_t* token, std::size_t size,
                                void* user) {
    Connection& connection = self(user);
    connection.host_.keep_token(connection.remote_address(), {token, size});
    return 0;
  };
  return callbacks;
}

ngtcp2_callbacks ConnectionCallbacks::server() {
  ngtcp2_callbacks callbacks = common();
  callbacks.recv_client_initial = [](ngtcp2_conn*, const ngtcp2_cid* destination, void* user) {
    return self(user).tls_->install_initial_keys(*destination);
  };
  return callbacks;
}

ngtcp2_callbacks ConnectionCallbacks::common() {
  ngtcp2_callbacks callbacks{};
  callbacks.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t,
                                  const std::uint8_t* data, std::size_t size, void* user) {
    self(user).guard_.on_useful(size);
    return self(user).tls_->handle_crypto_data(level, {data, size});
  };
  callbacks.handshake_completed = [](ngtcp2_conn*, void* user) {
    return self(user).on_handshake_completed();
  };
  callbacks.encrypt = encrypt_payload;
  callbacks.decrypt = decrypt_payload;
  callbacks.hp_mask = header_mask;
  callbacks.delete_crypto_aead_ctx = delete_aead_context;
  callbacks.delete_crypto_cipher_ctx = delete_cipher_context;
  callbacks.update_key = [](ngtcp2_conn*, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                            ngtcp2_crypto_aead_ctx* rx_key, std::uint8_t* rx_iv,
                            ngtcp2_crypto_aead_ctx* tx_key, std::uint8_t* tx_iv,
                            const std::uint8_t* current_rx, const std::uint8_t* current_tx,
                            std::size_t size, void* user) {
    self(user).guard_.on_key_update(self(user).now_);
    return self(user).tls_->update_keys(rx_secret, tx_secret, rx_key, rx_iv, tx_key, tx_iv,
                                        {current_rx, size}, {current_tx, size});
  };
  add_stream_callbacks(callbacks);
  add_identity_callbacks(callbacks);
  return callbacks;
}

void ConnectionCallbacks::add_stream_callbacks(ngtcp2_callbacks& callbacks) {
  callbacks.stream_open = [](ngtcp2_conn*, std::int64_t id, void* user) {
    return self(user).on_stream_open(StreamId{id});
  };
  callbacks.recv_stream_data = [](ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t,
                                  const std::uint8_t* data, std::size_t size, void* user, void*) {
    Connection& connection = self(user);
    connection.guard_.on_useful(size);
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    if (connection.sink_ != nullptr) {
      connection.sink_->on_stream_data(connection.now_, StreamId{id}, {data, size}, fin);
    }
    return 0;
  };
  callbacks.acked_stream_data_offset = [](ngtcp2_conn*, std::int64_t id, std::uint64_t,
                                          std::uint64_t size, void* user, void*) {
    self(user).on_acknowledged(size);
    if (SendStream* stream = self(user).find_stream(StreamId{id})) {
      stream->mark_acknowledged(static_cast<std::size_t>(size));
    }
    return 0;
  };
  callbacks.stream_close = [](ngtcp2_conn*, std::uint32_t flags, std::int64_t id,
                              std::uint64_t code, void* user, void*) {
    const bool is_broken = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    return self(user).on_stream_close(StreamId{id}, code, is_broken);
  };
  callbacks.stream_reset = [](ngtcp2_conn*, std::int64_t id, std::uint64_t, std::uint64_t code,
                              void* user, void*) {
    Connection& connection = self(user);
    connection.guard_.on_useful(0);
    if (connection.sink_ != nullptr) {
      connection.sink_->on_stream_reset(connection.now_, StreamId{id}, code);
    }
    return 0;
  };
#ifdef NGTCP2_CALLBACKS_V4
  callbacks.recv_stop_sending = [](ngtcp2_conn*, std::int64_t id, std::uint64_t code, void* user,
                                   void*) {
    return self(user).on_stop_sending(StreamId{id}, code);
  };
#endif
  const auto on_more_streams = [](ngtcp2_conn*, std::uint64_t, void* user) {
    Connection& connection = self(user);
    if (connection.sink_ != nullptr && connection.open_) {
      connection.sink_->on_streams_available(connection.now_);
    }
    return 0;
  };
  callbacks.extend_max_local_streams_bidi = on_more_streams;
  callbacks.extend_max_local_streams_uni = on_more_streams;
  callbacks.extend_max_stream_data = [](ngtcp2_conn*, std::int64_t id, std::uint64_t, void* user,
                                        void*) {
    Connection& connection = self(user);
    if (SendStream* stream = connection.find_stream(StreamId{id})) {
      stream->set_blocked(false);
      stream->blocked_since = kNever;
      connection.scheduler_.update(*stream);
    }
    return 0;
  };
  // The id of a datagram is its size.
  callbacks.ack_datagram = [](ngtcp2_conn*, std::uint64_t size, void* user) {
    self(user).on_acknowledged(size);
    return 0;
  };
  callbacks.lost_datagram = [](ngtcp2_conn*, std::uint64_t, void* user) {
    ++self(user).counted_.datagram_frames_lost;
    return 0;
  };
  callbacks.recv_datagram = [](ngtcp2_conn*, std::uint32_t, const std::uint8_t* data,
                               std::size_t size, void* user) {
    Connection& connection = self(user);
    connection.guard_.on_useful(size);
    ++connection.counted_.datagram_frames_received;
    if (connection.sink_ != nullptr) connection.sink_->on_datagram(connection.now_, {data, size});
    return 0;
  };
}

void ConnectionCallbacks::add_identity_callbacks(ngtcp2_callbacks& callbacks) {
  callbacks.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context) {
    static_cast<ConnectionHost*>(context->native_handle)->fill_random({out, size});
  };
  callbacks.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token,
                                       std::size_t size, void* user) {
    return self(user).on_new_id(id, token, size);
  };
  callbacks.remove_connection_id = [](ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
    return self(user).on_remove_id(*id);
  };
  callbacks.dcid_status = [](ngtcp2_conn*, ngtcp2_connection_id_status_type type, std::uint64_t,
                             const ngtcp2_cid*, const std::uint8_t* token, void* user) {
    return self(user).on_id_status(type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE, token);
  };
  callbacks.path_validation = [](ngtcp2_conn*, std::uint32_t, const ngtcp2_path* path,
                                 const ngtcp2_path*, ngtcp2_path_validation_result result,
                                 void* user) {
    self(user).on_path_validation(*path, result);
    return 0;
  };
  callbacks.get_path_challenge_data = [](ngtcp2_conn*, std::uint8_t* data, void* user) {
    self(user).guard_.on_path_challenge(self(user).now_);
    self(user).host_.fill_random({data, NGTCP2_PATH_CHALLENGE_DATALEN});
    return 0;
  };
}

}  // namespace echostream::transport
