// A QUIC connection on ngtcp2: one ngtcp2_conn, its TLS handshake, and what waits to be sent.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/pooled_allocator.h"
#include "runtime/transport/abuse_guard.h"
#include "runtime/transport/connection_host.h"
#include "runtime/transport/counted_memory.h"
#include "runtime/transport/crypto/tls_handshake.h"
#include "runtime/transport/delivery_rate.h"
#include "runtime/transport/pacer.h"
#include "runtime/transport/packet_batch.h"
#include "runtime/transport/quic_endpoint.h"
#include "runtime/transport/rate_limit.h"
#include "runtime/transport/send_scheduler.h"
#include "runtime/transport/stateless_answers.h"
#include "runtime/transport/target_rate.h"

namespace echostream::transport {

/// What the first packet of a client said, and what was made of its token.
struct Arrival {
  SocketAddress local;
  SocketAddress remote;
  ConnectionId client_id;                   // the client's source id
  ConnectionId destination_id;              // where it sent its first packet
  std::optional<ConnectionId> original_id;  // before our Retry, when there was one
  std::vector<std::uint8_t> token;          // valid, or empty
};

struct Departure {
  SocketAddress local;
  SocketAddress remote;
  std::string server_name;
  PeerName peer_name{};
  std::vector<std::uint8_t> token;  // from an earlier connection, or empty
  std::string ticket;               // the same
  bool early_data = false;
};

class Connection final : public QuicConnection, private TimerNode {
 public:
  /// Null when ngtcp2 has no memory.
  static std::unique_ptr<Connection> accept(ConnectionHost& host, LocalTime now, WallTime wall_now,
                                            TlsContext& tls, const Arrival& arrival);
  static std::unique_ptr<Connection> dial(ConnectionHost& host, LocalTime now, WallTime wall_now,
                                          TlsContext& tls, const Departure& departure,
                                          QuicConnectionSink& sink);
  ~Connection() override;

  // ---- For the endpoint.
  void handle_datagram(LocalTime now, const IncomingDatagram& datagram);
  void handle_stateless_reset(LocalTime now);
  /// Writes packets into the batch. True: there may be more.
  bool write(LocalTime now, PacketBatch& batch, std::size_t most_packets);
  /// The user let go; retired once the closing period is over.
  void release();
  bool is_closed() const noexcept { return closed_; }
  /// Its handshake did not complete, whether it may still or has failed.
  bool is_half_open() const noexcept { return is_half_open_; }
  /// Closed because its first packet holds the middle of a ClientHello: what an unproven address
  /// sends out of order is not kept.
  bool wants_retry() const noexcept { return wants_retry_; }
  // Its place in the endpoint's queue of connections that want to write.
  bool is_queued = false;
  // Under which the endpoint counts it; unset when it does not.
  SocketAddress counted_address;

  // ---- QuicConnection
  bool is_server() const override { return is_server_; }
  bool is_open() const override { return open_ && !closing_ && !closed_; }
  SocketAddress remote_address() const override;
  SocketAddress local_address() const override;
  std::string alpn() const override;
  std::optional<Fingerprint> peer_fingerprint() const override;
  std::optional<PeerIdentity> peer_identity() const override;
  bool is_resumed() const override;
  bool is_asked_to_wait() const override { return tls_->is_asked_to_wait(); }
  bool can_send_early() const override;
  std::optional<bool> early_data_accepted() const override { return early_data_accepted_; }
  ConnectionStats stats() const override;
  std::uint64_t target_bytes_per_s(std::uint8_t priority) const override;
  Result<StreamId> open_bidirectional() override;
  Result<StreamId> open_unidirectional() override;
  void write(StreamId id, Buffer bytes, bool fin) override;
  void set_priority(StreamId id, Priority priority) override;
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void reset(StreamId id, std::uint64_t code) override;
  void stop_sending(StreamId id, std::uint64_t code) override;
  void consume(StreamId id, std::size_t bytes) override;
  std::size_t max_datagram_bytes() const override;
  Status send_datagram(OutgoingDatagramFrame datagram) override;
  Status migrate(LocalTime now, const SocketAddress& local) override;
  void close(std::uint64_t application_code, std::string reason) override;
  Status export_keying_material(std::string_view label, BytesView context,
                                MutableBytes out) const override;
  Status update_keys(LocalTime now) override;

 private:
  friend struct ConnectionCallbacks;
  struct Deleter {
    void operator()(ngtcp2_conn* connection) const { ngtcp2_conn_del(connection); }
  };
  /// CONNECTION_CLOSE that waits to be written.
  struct Closing {
    ngtcp2_ccerr_type type = NGTCP2_CCERR_TYPE_TRANSPORT;
    std::uint64_t code = 0;
    std::string reason;
    CloseInfo info;
  };

  Connection(ConnectionHost& host, LocalTime now, bool is_server, QuicConnectionSink* sink);
  bool start_server(WallTime wall_now, TlsContext& tls, const Arrival& arrival);
  bool start_client(WallTime wall_now, TlsContext& tls, const Departure& departure);
  void take(ngtcp2_conn* made);
  ngtcp2_settings make_settings(BytesView token, ngtcp2_token_type token_type,
                                const std::vector<std::uint16_t>& probes) const;
  ngtcp2_transport_params make_parameters() const;
  void offer_preferred_address(ngtcp2_transport_params& parameters);
  SocketAddress choose_preferred_address(const ngtcp2_preferred_addr& offer) const;
  ConnectionId make_id();
  ngtcp2_tstamp tick(LocalTime now);

  void note_arrival(const SocketAddress& address, const SocketAddress& path_local);
  bool may_come_from(const SocketAddress& remote);
  bool is_known_address(const SocketAddress& remote) const;
  void note_new_address(const SocketAddress& remote);
  Status check_migration(const SocketAddress& local) const;
  Status begin_migration(LocalTime now, const SocketAddress& local);
  void begin_waiting_migration(LocalTime now);
  void end_migration(Status status);
  void on_path_validation(const ngtcp2_path& path, ngtcp2_path_validation_result result);

  void on_timer(LocalTime now) override;
  void fail(LocalTime now, int error);
  void begin_close(Closing closing);
  void write_close(LocalTime now, PacketBatch& batch);
  void finish(LocalTime now, CloseInfo info);
  void deliver_deferred(LocalTime now);
  void retry_blocked_stream();
  void update_keys_when_due();
  LocalTime next_stall_check();
  void check_stalled_streams();
  void read_datagram(const IncomingDatagram& datagram);
  int read_guarded(const ngtcp2_path& path, const ngtcp2_pkt_info& info, BytesView data);
  void check_abuse();
  /// Holds back what comes behind the handshake in the datagram, and returns the rest of it.
  BytesView hold_back(const IncomingDatagram& datagram);
  /// True: something was read.
  bool read_held(LocalTime now);
  bool is_at_send_ceiling();

  struct Packet {
    MutableBytes room;
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info{};
  };
  std::size_t path_bytes() const;
  void watch_large_packet(std::size_t bytes);
  void check_large_packets();
  void choose_ping_interval(const ngtcp2_conn_info& info);
  LocalTime watch_full_window(const ngtcp2_conn_info& info);
  void check_full_window();
  void arm_timer();
  void mark_sent(Priority priority, std::size_t bytes);
  void observe_acknowledgements();
  Pacer::Path pacing_path() const;
  std::size_t send_budget();
  bool is_paced_by_ngtcp2() const;
  bool has_to_send();
  ngtcp2_ssize write_packet(Packet& packet, ngtcp2_tstamp ts);
  ngtcp2_ssize write_unpaced(Packet& packet, ngtcp2_tstamp ts);
  ngtcp2_ssize write_rest(Packet& packet, ngtcp2_tstamp ts);
  void refuse(SendStream& stream);
  // A piece of a packet: NGTCP2_ERR_WRITE_MORE = go on with the same packet.
  ngtcp2_ssize write_stream_piece(Packet& packet, SendStream& stream, ngtcp2_tstamp ts);
  ngtcp2_ssize write_datagram_piece(Packet& packet, OutgoingDatagramFrame& datagram,
                                    Priority priority, ngtcp2_tstamp ts);

  bool accept_client();
  Result<StreamId> open_stream(bool bidirectional);
  SendStream* find_stream(StreamId id) const;
  SendStream& add_stream(StreamId id);
  void changed();

  // ngtcp2's callbacks; 0, or NGTCP2_ERR_CALLBACK_FAILURE.
  int on_handshake_completed();
  int on_early_data_rejected();
  void on_acknowledged(std::uint64_t bytes);
  int on_stream_open(StreamId id);
  int on_stream_close(StreamId id, std::uint64_t code, bool is_broken);
  int on_stop_sending(StreamId id, std::uint64_t code);
  int on_id_status(bool is_active, const std::uint8_t* token);
  int on_new_id(ngtcp2_cid* id, std::uint8_t* token, std::size_t size);
  int on_remove_id(const ngtcp2_cid& id);
  void on_qlog(BytesView record);

  ConnectionHost& host_;
  const LocalTime started_at_;
  LocalTime now_;
  bool is_server_;
  QuicConnectionSink* sink_;        // null on a server until it is accepted
  std::unique_ptr<QlogSink> qlog_;  // null: no trace; ngtcp2 writes until it is destroyed
  CountedMemory memory_;
  std::unique_ptr<TlsHandshake> tls_;
  std::unique_ptr<ngtcp2_conn, Deleter> connection_;
  std::vector<ConnectionId> ids_;
  std::vector<ResetToken> reset_tokens_;
  PooledMap<std::int64_t, std::unique_ptr<SendStream>> streams_;
  SendScheduler scheduler_;
  // Told to the sink once ngtcp2 is done with the packet.
  std::vector<StreamId> drained_;
  std::vector<StreamId> refused_;  // the peer wants no more of them
  std::vector<StreamId> blocked_;  // by their own flow-control limit
  std::vector<std::uint64_t> dropped_datagrams_;
  std::vector<std::uint64_t> sent_datagrams_;  // those with a tag

  // Paths. A client's socket has a name of its own, which is not what the peer sees.
  bool path_changed_ = false;
  SocketAddress first_socket_;
  SocketAddress arrived_at_;  // where the last datagram of the present path was sent to
  SocketAddress new_remote_;  // the last address of the peer that was not its usual one
  RateLimit path_changes_;
  SocketAddress migrating_to_;    // unset: nowhere
  bool migration_waits_ = false;  // for the handshake to be confirmed
  bool is_confirmed_ = false;
  std::vector<std::pair<SocketAddress, Status>> migrations_;  // that have ended

  // Large packets: the first since which nothing was acknowledged, and until when none is sent.
  LocalTime unacknowledged_since_ = kNever;
  LocalTime small_until_{};
  // Since when the congestion window is full and nothing was acknowledged; when that is too long.
  LocalTime stalled_since_ = kNever;
  LocalTime stall_deadline_ = kNever;

  // Since when, and from which packet on, the present keys are used.
  LocalTime keys_since_{};
  std::uint64_t keys_since_packet_ = 0;
  std::uint64_t key_updates_ = 0;
  // When streams are looked through for those that the peer does not let go on.
  LocalTime next_stall_check_ = kNever;
  // Since when the peer's flow control for the connection has let nothing through.
  LocalTime window_full_since_ = kNever;
  // A client's: 1-RTT packets that came before ngtcp2 had ended the handshake.
  struct Held {
    IncomingDatagram datagram;  // its bytes are those below
    std::vector<std::uint8_t> bytes;
  };
  std::vector<Held> held_;
  bool is_settled_;  // ngtcp2 has ended the handshake
  AbuseGuard guard_;
  RateLimit send_limit_;
  // What the application's bytes do.
  std::uint64_t newly_acknowledged_ = 0;
  ByteHistory sent_;
  std::array<RateMeter, 8> sent_by_priority_;
  DeliveryRate delivery_;
  TargetRate target_;

  Pacer pacer_;
  bool is_pacer_blocked_ = false;

  bool open_ = false;
  bool is_half_open_ = true;
  std::optional<bool> early_data_accepted_;
  std::optional<Closing> closing_;
  bool closed_ = false;
  bool released_ = false;
  bool wants_retry_ = false;
  // After the end: the last words, repeated to a peer that still talks.
  std::vector<std::uint8_t> close_packet_;
  SocketAddress close_local_;
  SocketAddress close_remote_;
  std::uint64_t packets_since_close_ = 0;
  std::uint64_t close_packets_owed_ = 0;
  LocalTime forget_at_{};

  // What ngtcp2 does not count; the other fields stay zero.
  ConnectionStats counted_;
};

}  // namespace echostream::transport
