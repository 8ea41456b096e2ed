// QUIC endpoints joined in memory, on virtual time: no sockets, no core, no clock. Every link
// between them has its delay, loss, reordering and corruption from one seed. TLS makes its own
// random numbers, so packet bytes differ from run to run; times and fates of datagrams follow the
// seed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/security.h"

#include "runtime/sim/random.h"
#include "runtime/transport/quic_endpoint.h"

namespace echostream::testing {

using transport::CloseInfo;
using transport::IncomingDatagram;
using transport::OutgoingDatagramFrame;
using transport::QuicConnection;
using transport::QuicConnectionSink;
using transport::QuicEndpoint;
using transport::QuicEndpointSink;
using transport::TlsContext;

/// One direction's conditions, the same for all links.
struct LinkConditions {
  Duration delay = std::chrono::milliseconds(5);
  /// Up to that much more, each datagram on its own: they overtake each other.
  Duration jitter{};
  /// Chance that a loss begins; `loss_burst` datagrams are lost from there on.
  double loss = 0;
  int loss_burst = 1;
  double corrupt = 0;
  double duplicate = 0;
  /// Larger datagrams vanish.
  std::size_t mtu = 65535;
};

/// A datagram under way.
struct Datagram {
  SocketAddress from;
  SocketAddress to;
  std::uint8_t ecn = 0;
  std::vector<std::uint8_t> bytes;
};

/// Writes down what a connection tells, and consumes what arrives unless told not to.
class RecordingSink final : public QuicConnectionSink {
 public:
  struct Stream {
    std::string received;
    bool fin = false;
    std::optional<std::uint64_t> reset_code;
    std::optional<std::uint64_t> stop_code;
    int drained = 0;
    int stalled = 0;
    bool closed = false;
  };

  void on_connected(LocalTime now) override;
  void on_early_data_rejected(LocalTime) override;
  void on_session_ticket(LocalTime, BytesView ticket) override {
    tickets.emplace_back(as_text(ticket));
  }
  void on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) override;
  void on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stream_drained(LocalTime now, StreamId id) override;
  void on_stream_stalled(LocalTime now, StreamId id) override;
  void on_stream_closed(LocalTime now, StreamId id) override;
  void on_streams_available(LocalTime now) override;
  void on_datagram(LocalTime now, BytesView data) override;
  void on_datagram_dropped(LocalTime now, std::uint64_t tag) override;
  void on_datagram_sent(LocalTime now, std::uint64_t tag) override;
  void on_path_changed(LocalTime) override { ++path_changes; }
  void on_migrated(LocalTime, const SocketAddress& local, const Status& status) override {
    migrations.emplace_back(local, status);
  }
  void on_closed(LocalTime now, const CloseInfo& info) override;

  bool is_connected() const { return connected_at.has_value(); }
  bool is_closed() const { return closed.has_value(); }
  /// The message of its end; empty while it lives.
  std::string close_message() const;
  Stream& stream(StreamId id) { return streams[id.value]; }
  std::size_t ended_streams() const;

  QuicConnection* connection = nullptr;
  std::optional<LocalTime> connected_at;
  std::map<std::int64_t, Stream> streams;
  std::vector<std::string> datagrams;
  std::vector<std::uint64_t> dropped_datagrams;
  std::vector<std::pair<std::uint64_t, LocalTime>> sent_datagrams;  // tag, time
  int path_changes = 0;
  int early_rejections = 0;
  std::vector<std::string> tickets;
  std::vector<std::pair<SocketAddress, Status>> migrations;
  int streams_available = 0;
  std::optional<CloseInfo> closed;
  LocalTime closed_at{};
  /// Calls after on_closed(), or about a stream after on_stream_closed(): must stay 0.
  int broken_promises = 0;

  bool consumes = true;
  /// For tests of very many.
  bool forgets_closed_streams = false;
  std::function<void()> when_connected;
  std::function<void(StreamId, BytesView, bool fin)> when_data;

 private:
  Stream& touch(StreamId id);
};

/// An endpoint with its address and its connections' sinks.
class QuicHost final : public QuicEndpointSink {
 public:
  QuicConnectionSink* on_incoming(LocalTime now, QuicConnection& connection) override;
  void on_misdelivered(LocalTime now, std::size_t owner, const IncomingDatagram& datagram) override;

  SocketAddress address;
  /// What the others see: changes when a NAT forgets.
  SocketAddress public_address;
  /// Further sockets, by the names that migrate() is given, and what the others see of each.
  std::map<SocketAddress, SocketAddress> sockets;
  std::unique_ptr<QuicEndpoint> endpoint;
  /// Of accepted connections, in order.
  std::vector<std::unique_ptr<RecordingSink>> accepted;
  bool refuses = false;
  /// For the sinks of accepted connections.
  bool consumes = true;
  std::function<void(RecordingSink&)> when_accepted;
  /// Gives the sink of an accepted connection instead, or null.
  std::function<QuicConnectionSink*(QuicConnection&)> make_sink;
  /// Gets the datagrams of other members of its group; unset loses them.
  std::function<void(LocalTime, std::size_t owner, const IncomingDatagram&)> when_misdelivered;
};

class QuicWorld {
 public:
  explicit QuicWorld(std::uint64_t seed = 1);

  struct Options {
    transport::QuicOptions quic;
    std::size_t retry_above_half_open = 256;
    std::size_t max_half_open = 4096;
    std::size_t max_connections = 1000;
    std::size_t max_stateless_answers_per_second = 100;
    /// One of several servers behind one port; QuicWorld::deliver_to says which gets what.
    std::optional<transport::EndpointGroup> group;
    std::size_t max_connections_per_address = 0;
    std::size_t max_handshakes_per_network = 0;
    std::optional<std::array<std::uint8_t, 32>> static_secret;
    std::optional<Trust> client_trust;
    /// Endpoints of equal seeds make equal secrets, as one that restarts with its old key would.
    std::uint64_t secret_seed = 0;
    std::vector<std::string> server_alpn = {"echostream/1"};
    std::vector<std::string> ciphers;
    bool resumption = true;
    bool early_data = true;
    /// Its connections are traced; each record goes there.
    std::function<void(BytesView)> on_qlog;
    /// Instead of one of its own: it keeps the ticket keys when a server is replaced.
    std::shared_ptr<TlsContext> server_tls;
  };
  /// Listens, and may dial as well.
  QuicHost& add_server(const SocketAddress& address, Options options);
  QuicHost& add_client(const SocketAddress& address, Options options);
  /// Throws the host's endpoint away, connections and all, and starts another.
  void replace(QuicHost& host, Options options);

  /// Dials; the sink must outlive the world's last step. Aborts when the endpoint refuses.
  QuicConnection& dial(QuicHost& from, const QuicHost& to, RecordingSink& sink,
                       const std::string& alpn = "echostream/1");
  QuicConnection& dial(QuicHost& from, const QuicHost& to, QuicConnectionSink& sink,
                       const std::string& alpn);
  /// The same with a ticket of an earlier connection, and with early data.
  QuicConnection& dial_again(QuicHost& from, const QuicHost& to, RecordingSink& sink,
                             std::string ticket, bool early_data = true);
  std::shared_ptr<TlsContext> client_tls(const std::string& alpn) const;
  std::shared_ptr<TlsContext> server_tls(const Options& options) const;
  /// Of all servers.
  const Identity& identity() const { return identity_; }

  LocalTime now() const { return now_; }
  /// Sends what the endpoints have ready, then goes on to the next arrival or timer, until `done`
  /// holds (true), or `limit` has passed or nothing is left to happen (false).
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration duration);
  /// Sends what an endpoint has ready now, after commands to its connections.
  void flush(QuicHost& host);

  /// Puts a datagram on the wire, subject to nothing: it arrives after the delay.
  void inject(Datagram datagram);
  /// Hands it to the endpoint now.
  void deliver(QuicHost& host, const SocketAddress& from, BytesView bytes);

  LinkConditions link;
  /// The time of day at all hosts.
  WallTime wall_time;
  /// Of dial_again().
  std::string server_name = "server.test";
  /// Sees every datagram that is sent and may change it; false loses it.
  std::function<bool(Datagram&)> tap;
  /// Chooses among hosts of one address; null leaves it to the address.
  std::function<QuicHost*(const Datagram&)> deliver_to;
  Random random;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_lost = 0;
  std::uint64_t datagrams_corrupted = 0;
  std::size_t largest_datagram = 0;
  /// Datagrams of the last transmits: the longest run that one call handed over.
  std::size_t longest_run = 0;

 private:
  QuicHost& add(const SocketAddress& address);
  void start(QuicHost& host, Options options, bool listens);
  void send(QuicHost& host, const transport::Transmit& transmit);
  void send_one(Datagram datagram);
  void arrive(Duration delay, Datagram datagram);
  QuicHost* find(const SocketAddress& address);
  QuicHost* receiver_of(const Datagram& datagram);
  void hand_over(QuicHost& host, const Datagram& datagram);

  LocalTime now_{std::chrono::hours(1)};
  Identity identity_;
  std::vector<std::unique_ptr<QuicHost>> hosts_;
  std::multimap<LocalTime, Datagram> arrivals_;
  std::map<std::pair<SocketAddress, SocketAddress>, int> burst_left_;
};

/// A world with one server and one client, connected on request.
struct QuicPair {
  explicit QuicPair(std::uint64_t seed = 1, QuicWorld::Options options = {})
      : QuicPair(seed, options, options) {}
  QuicPair(std::uint64_t seed, QuicWorld::Options client_options,
           QuicWorld::Options server_options);

  /// Dials and runs until both ends are open; false when that fails within `limit`.
  bool connect(Duration limit = std::chrono::seconds(10));
  /// The server's sink of the last accepted connection.
  RecordingSink& server_sink() { return *server.accepted.back(); }
  QuicConnection& server_connection() { return *server_sink().connection; }
  /// Opens a bidirectional stream of the client's, and sends `bytes`.
  StreamId send(QuicConnection& from, std::string_view bytes, bool fin);

  RecordingSink sink;  // the client's
  QuicWorld world;
  QuicHost& server;
  QuicHost& client;
  QuicConnection* connection = nullptr;  // the client's
};

/// `size` bytes that differ from place to place and from salt to salt.
std::string pattern(std::size_t size, std::uint64_t salt);

}  // namespace echostream::testing
