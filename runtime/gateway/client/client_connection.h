// One connection of an HTTP client, with a socket of its own: from the first packet of its
// handshake to its end. Which stream belongs to which exchange, and which exchanges wait for one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/base/wait.h"
#include "echostream/known_peers.h"
#include "echostream/loop.h"
#include "echostream/resolver.h"

#include "runtime/api/quic_driver.h"
#include "runtime/base/pooled_allocator.h"
#include "runtime/gateway/client/client_traces.h"
#include "runtime/gateway/client/http_client.h"
#include "runtime/http3/http3_connection.h"

namespace echostream::gateway {

class ExchangeState;

class ClientConnection final : private http3::Http3Sink, private ReadyNode {
 public:
  /// What the connections that are tried have in common.
  struct Plan {
    transport::QuicOptions quic;
    http3::Http3Options http;
    std::shared_ptr<transport::TlsContext> tls;
    std::shared_ptr<ClientTraces> traces;
    std::shared_ptr<SessionTicketCache> tickets;  // null: none are kept
    std::shared_ptr<KnownPeers> known_peers;      // null: others are believed
    bool meets_strangers = false;                 // who then are known
  };

  /// Starts a handshake; `loop` outlives the connection.
  static Result<std::unique_ptr<ClientConnection>> dial(Loop& loop, const Plan& plan,
                                                        const DialCandidate& candidate);
  /// Closes it; exchanges that are still there fail.
  ~ClientConnection() override;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  bool is_open() const noexcept { return is_open_ && !closed_; }
  /// How it ended; none while it has not.
  const std::optional<transport::CloseInfo>& closed() const noexcept { return closed_; }
  /// What requests name as ":authority".
  void set_authority(std::string authority) { authority_ = std::move(authority); }
  /// Notified when it opens or closes; null: nobody.
  void notify_on_change(WaitPoint* point) noexcept { changed_ = point; }

  /// Why no more requests are taken; OK while they are.
  Status status() const;
  std::size_t request_count() const noexcept { return streams_.size() + waiting_.size(); }
  std::size_t waiting_count() const noexcept { return waiting_.size(); }
  SocketAddress remote_address() const;
  std::optional<PeerIdentity> peer_identity() const;
  bool is_resumed() const;

  // ---- For exchanges.

  /// Opens a stream for it, now or when there is one. status() is OK.
  void add(ExchangeState& exchange);
  void forget(ExchangeState& exchange);
  void give_up_waiting(ExchangeState& exchange);
  http3::Http3Connection& http() noexcept { return *http_; }
  void flush_soon() {
    if (quic_ != nullptr) driver_->flush_soon();
  }
  void consume(StreamId id, std::size_t bytes);

 private:
  ClientConnection(Loop& loop, const Plan& plan);
  Status start(const DialCandidate& candidate);
  /// False when its turn comes with on_streams_available().
  bool open(ExchangeState& exchange);
  void open_waiting();
  void fail_waiting(const Status& status);
  void fail_all(const Status& status);
  ExchangeState* find(StreamId id) const;
  void tell_change();
  Status meet_server();
  std::string take_ticket();

  void write_soon();
  void on_ready() override;
  // http3::Http3Sink
  void on_open(LocalTime now) override;
  void on_session_ticket(LocalTime now, BytesView ticket) override;
  void on_head(LocalTime now, StreamId id, http3::Fields head, bool is_early) override;
  void on_oversized_head(LocalTime now, StreamId id) override;
  void on_body(LocalTime now, StreamId id, BytesView data) override;
  void on_trailers(LocalTime now, StreamId id, http3::Fields trailers) override;
  void on_end(LocalTime now, StreamId id) override;
  void on_reset(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stream_drained(LocalTime now, StreamId id) override;
  void on_stream_stalled(LocalTime, StreamId) override {}  // the exchange's deadline is for that
  void on_stream_closed(LocalTime now, StreamId id) override;
  void on_streams_available(LocalTime now) override;
  void on_goaway(LocalTime now) override;
  void on_closed(LocalTime now, const transport::CloseInfo& info) override;

  Loop& loop_;
  const Plan plan_;  // the driver's connections write to its traces
  std::string known_name_;
  std::string ticket_key_;
  std::unique_ptr<http3::Http3Connection> http_;
  std::unique_ptr<internal::QuicDriver> driver_;
  transport::QuicConnection* quic_ = nullptr;
  WaitPoint* changed_ = nullptr;

  std::string authority_;
  // All exchanges: those with a stream, even one that has closed, and those that wait, in order.
  PooledMap<StreamId, ExchangeState*> streams_;
  std::map<std::uint64_t, ExchangeState*> waiting_;
  std::uint64_t next_place_ = 0;

  bool is_open_ = false;
  bool is_going_away_ = false;
  Status refusal_;  // ours, of the server
  std::optional<transport::CloseInfo> closed_;
  // What stays known after the connection is gone.
  SocketAddress remote_address_;
  std::optional<PeerIdentity> peer_identity_;
  bool is_resumed_ = false;
};

}  // namespace echostream::gateway
