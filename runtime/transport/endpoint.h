// The endpoint on ngtcp2: a table of connection ids, a queue of connections that want to write, and
// their timers.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/transport/address_budget.h"
#include "runtime/transport/connection.h"
#include "runtime/transport/connection_host.h"
#include "runtime/transport/crypto/id_routes.h"
#include "runtime/transport/quic_endpoint.h"
#include "runtime/transport/rate_limit.h"
#include "runtime/transport/stateless_answers.h"

namespace echostream::transport {

class Endpoint final : public QuicEndpoint, private ConnectionHost {
 public:
  Endpoint(Options options, QuicEndpointSink& sink);
  ~Endpoint() override;

  // QuicEndpoint
  void handle_datagram(LocalTime now, const IncomingDatagram& datagram) override;
  void handle_timeout(LocalTime now) override;
  Result<QuicConnection*> connect(LocalTime now, Dial dial, QuicConnectionSink& sink) override;
  void set_server_tls(std::shared_ptr<TlsContext> tls) override {
    options_.server_tls = std::move(tls);
  }
  void stop_accepting() override { is_accepting_ = false; }
  void release(QuicConnection& connection) override;
  std::optional<Transmit> poll_transmit(LocalTime now) override;
  LocalTime next_deadline() const override;
  EndpointStats stats() const override { return stats_; }
  std::size_t connection_count() const override { return connections_.size(); }

 private:
  // ConnectionHost
  const QuicOptions& quic_options() const override { return options_.quic; }
  void fill_random(MutableBytes out) override { options_.fill_random(out); }
  const AddressTokens& tokens() const override { return tokens_; }
  ConnectionId new_id() override;
  std::unique_ptr<QlogSink> open_qlog(const ConnectionId& original_id, bool is_server) override;
  WallTime wall_time() override { return options_.wall_time(); }
  void add_id(const ConnectionId& id, Connection& connection) override;
  void remove_id(const ConnectionId& id) override;
  void add_reset_token(const ResetToken& token, Connection& connection) override;
  void remove_reset_token(const ResetToken& token) override;
  void want_write(Connection& connection) override;
  void arm(TimerNode& timer, LocalTime deadline) override { timers_.arm(timer, deadline); }
  QuicConnectionSink* accept(LocalTime now, Connection& connection) override;
  void refused(LocalTime now, const SocketAddress& client, const Status& why) override {
    sink_.on_refused(now, client, why);
  }
  void handshake_over(Connection& connection) override;
  void keep_token(const SocketAddress& server, BytesView token) override;
  void retire(Connection& connection) override;

  struct Initial;
  Connection* find(BytesView destination_id, const IncomingDatagram& datagram, bool is_long,
                   bool& is_reset);
  void handle_unknown(LocalTime now, const IncomingDatagram& datagram, BytesView destination_id,
                      bool is_long);
  void handle_initial(LocalTime now, const IncomingDatagram& datagram);
  void tell_of_limit(LocalTime now, const SocketAddress& client);
  bool must_prove_address(LocalTime now, const SocketAddress& client);
  bool may_come_in(LocalTime now, const SocketAddress& client, bool is_proven);
  bool validate_token(LocalTime now, const IncomingDatagram& datagram, const Initial& initial,
                      Arrival& arrival);
  void answer_version(LocalTime now, const IncomingDatagram& datagram, BytesView destination_id,
                      BytesView source_id);
  void answer_retry(const IncomingDatagram& datagram, const Initial& initial);
  void answer(LocalTime now, const IncomingDatagram& datagram, std::vector<std::uint8_t> packet,
              std::uint64_t& counter);
  void add(std::unique_ptr<Connection> connection);
  AddressTokens::Secret make_secret();
  IdRoutes make_routes() const;
  std::array<std::uint64_t, 2> make_hash_key();
  KeyedHash make_hash() { return KeyedHash(make_hash_key()); }
  /// Another member of the group, when one of them made the id.
  std::optional<std::size_t> other_owner_of(BytesView destination_id) const;

  Options options_;
  QuicEndpointSink& sink_;
  AddressTokens tokens_;
  IdRoutes routes_;
  PacketBatch batch_;
  TimerQueue timers_;
  RateLimit answer_limit_;
  // Clients that have proven their addresses are counted apart: nobody else can use up their share.
  NetworkRateLimit unproven_limit_;
  NetworkRateLimit proven_limit_;
  AddressCounts address_counts_;
  std::deque<StatelessAnswer> answers_;
  std::vector<std::uint8_t> answer_packet_;  // the one being sent
  // Destroyed first: connections take themselves out of the tables below.
  std::unordered_map<ConnectionId, Connection*, KeyedHash> ids_;
  // The id that was found last.
  ConnectionId last_id_;
  Connection* last_found_ = nullptr;
  std::unordered_map<ResetToken, Connection*, KeyedHash> reset_tokens_;
  std::deque<Connection*> write_queue_;
  std::map<SocketAddress, std::vector<std::uint8_t>> kept_tokens_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> retired_;
  std::size_t half_open_ = 0;
  bool is_accepting_ = true;
  EndpointStats stats_;
};

}  // namespace echostream::transport
