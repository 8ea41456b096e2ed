// A node: one endpoint of the user's program. It listens, dials, or both, and serves.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/task_group.h"
#include "echostream/clock.h"
#include "echostream/connect_options.h"
#include "echostream/limits.h"
#include "echostream/loop.h"
#include "echostream/persistent_session.h"
#include "echostream/security.h"
#include "echostream/service.h"
#include "echostream/session.h"
#include "echostream/session_tickets.h"
#include "echostream/socket_address.h"
#include "echostream/typed_state.h"

namespace echostream {

class Middleware;
class Resolver;

namespace internal {
class NodeClockService;
}
class Plugin;
struct Announcement;
struct NodeStats;

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class CongestionControl : std::uint8_t { kNewReno, kCubic, kBbr };

/// When a client must prove by one more round trip (QUIC's Retry, RFC 9000 8.1) that it receives
/// what is sent to its address, before the server does any work for it. Clients that came before
/// show a token from then instead.
enum class AddressValidation : std::uint8_t {
  /// When many handshakes are under way, or many come from its network
  /// (NodeOptions::max_handshakes_per_network).
  kUnderLoad,
  kAlways,
};

/// For nodes that share one clock (Node::clock()).
struct SharedClockOptions {
  /// Different for each node, below 2^62; unset: a random number.
  std::optional<std::uint64_t> node_id;
  /// The node whose clock it is to be; unset: that with the lowest id among those that can reach
  /// each other. All nodes should be told the same.
  std::optional<std::uint64_t> reference;
};

/// Everything has a default; a node that only dials needs `trust`, one that listens needs
/// `identity`.
class NodeOptions {
 public:
  NodeOptions() {}

  /// Who this node is. Required to listen.
  std::optional<Identity> identity;
  /// Further ones of a server with several names: each is shown to clients that dial a host name
  /// which its certificate has (SNI), the first above to all others. Give the first as well.
  std::vector<Identity> more_identities;
  /// Whom to believe when dialling. Required to dial.
  std::optional<Trust> trust;
  /// Set: clients must show a certificate that this trusts (mutual TLS).
  std::optional<Trust> client_trust;

  /// Sessions can be resumed (RFC 8446 section 2.2): a handshake without certificates, and without
  /// their cost. A node that listens gives tickets out, one that dials keeps and uses them.
  bool resumption = true;
  /// Where a node that dials keeps tickets. Unset: in memory, for this node alone.
  /// make_file_ticket_cache() keeps them for the next run of the program.
  std::shared_ptr<SessionTicketCache> ticket_cache;
  /// A node that listens takes early data, of rpcs marked `idempotent` only, each ticket's once.
  /// Handlers see it in Call::is_early_data(). docs/early-data.md says what that means.
  bool accept_early_data = true;

  Limits limits;
  Duration handshake_timeout = std::chrono::seconds(10);
  /// A session on which nothing arrives for that long is closed.
  Duration idle_timeout = std::chrono::seconds(30);
  /// A PING after that long without traffic; zero sends none.
  Duration keep_alive_interval = std::chrono::seconds(10);
  std::size_t max_sessions = 10'000;
  /// Accepted sessions of one address, whatever the port: nobody else takes all of them. More are
  /// refused. Loopback is not counted; 0: no limit.
  std::size_t max_sessions_per_address = 4096;
  AddressValidation address_validation = AddressValidation::kUnderLoad;
  /// Handshakes a second that the clients of one network (IPv4: /24, IPv6: /48) may start. Above it
  /// they must prove their addresses; those who have done so are counted anew, and refused above
  /// the same number. Loopback is not counted; 0: no limit.
  std::size_t max_handshakes_per_network = 1000;
  /// 32 unpredictable bytes, kept secret and from one run to the next: peers then learn at once
  /// that a node has restarted (stateless reset, RFC 9000 10.3), and the tokens it gave them before
  /// are still good. Never the same for two nodes that run at once, unless one of them gets the
  /// packets that belong to the other: they would end each other's sessions. Unset: random.
  std::optional<std::array<std::uint8_t, 32>> static_secret;
  /// Calls that a peer may have open at once; at most 2^60.
  std::uint64_t max_concurrent_calls = 1024;
  /// Sessions measure the peer's clock (Session::clock()). Off: nothing is known of it, no probe is
  /// sent, and streams are played out by their arrivals alone. Peers are answered either way.
  bool synchronise_clocks = true;
  /// Set: this node and those of its peers that do the same agree on one clock, over any number of
  /// sessions in between. Sessions then measure whatever synchronise_clocks says.
  std::optional<SharedClockOptions> shared_clock;
  CongestionControl congestion_control = CongestionControl::kCubic;
  /// A session's packet keys are replaced after that long (RFC 9001 6): who gets hold of one can
  /// read no more than what was sent with it. At least a second; zero: only after the four million
  /// packets for which a key is good. Either end may do it; the other follows.
  Duration key_update_interval = std::chrono::hours(1);
  /// The largest UDP payload that is tried, 1200 to 65527 (RFC 8899). 1452 fills an Ethernet frame;
  /// 8952 suits jumbo frames, 65487 the loopback. What a path takes is found out by itself.
  std::size_t max_udp_payload_bytes = 1452;

  /// Sessions that this node dialled move to another local address by themselves when theirs is
  /// gone, or the system would now send from another one. Off: only Session::migrate() moves them.
  bool migrate_on_address_change = true;
  /// New addresses of a peer, and migrations of a session, that are followed within a second.
  std::size_t max_path_changes_per_second = 16;
  /// A listening node's: where clients should move after the handshake (RFC 9000 9.6), for example
  /// from an address that many machines share to this machine's own. It must reach the socket of
  /// listen(); port 0 means the same port.
  SocketAddress preferred_address;
  /// Whether sessions that this node dialled do so. Addresses of this machine are never followed.
  bool follow_preferred_address = true;

  // For debugging: docs/debugging.md. What cannot be opened or written is logged once; sessions go
  // on. Empty: off.

  /// The TLS secrets of all sessions are appended to this file, for Wireshark (NSS key log format):
  /// WHO HAS IT CAN READ EVERYTHING THAT WAS SAID. Made with mode 0600; one that others may read is
  /// refused. The node warns of it in its log.
  std::string key_log_file;
  /// Traces of all sessions, a file for each in this folder, which must exist: qlog 0.3, JSON-SEQ.
  /// At most 256 files of 64 MiB. Writing blocks the loop for as long as the disk takes.
  std::string qlog_directory;
  /// What is empty above is taken from SSLKEYLOGFILE and QLOGDIR (Loop::environment()).
  bool use_environment = true;
  /// RFC 9287: some packets of a session are harder to tell from other protocols. Off also while a
  /// key log is written, because tshark 4.0 cannot decrypt such packets.
  bool grease_quic_bit = true;

  // What the callbacks throw is logged, and goes no further. They may destroy the node.

  /// Gets each log line; unset: warnings and errors go to stderr. Called on the loop's thread. The
  /// only callback that must not destroy the node.
  std::function<void(LogLevel, std::string_view)> log;
  /// A session was established, dialled or accepted: its handshake is complete, and plugins have
  /// let the peer in.
  std::function<void(const Session&)> on_session;
  /// It ended, and why.
  std::function<void(const Session&, const Status&)> on_session_closed;
};
static_assert(kSafeInAwait<NodeOptions>);

/// The time that this node shares with others: Node::clock(). A handle that must not outlive the
/// node. Without NodeOptions::shared_clock it is the node's own clock, and never more.
class NodeClock {
 public:
  NodeClock(const Executor& executor, const internal::NodeClockService* service) noexcept
      : executor_(&executor), service_(service) {}

  NodeClockEstimate estimate() const;
  /// Both ways, monotonic while the time scale stays the same (NodeClockEstimate::timescale). Two
  /// nodes with one reference and one scale may compare node times, within the sum of their bounds.
  NodeTime to_node_time(LocalTime time) const;
  LocalTime to_local(NodeTime time) const;
  NodeTime now() const;

 private:
  const Executor* executor_;
  const internal::NodeClockService* service_;
};

/// Lives on one loop's thread, which must outlive it. Destroying it closes its sessions and
/// destroys its handlers where they wait, so none of its handlers or tasks() may do it; shutdown()
/// is the polite way.
class Node {
 public:
  explicit Node(Loop& loop, NodeOptions options = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Serves a generated Handler to all sessions, present and future. ALREADY_EXISTS when the
  /// service, or a method with the same id, is served already.
  Status serve(std::shared_ptr<Service> service);
  /// What it serves, in the order of serve(). A pointer is good while its service is served: as
  /// long as the node. Services that come later are in later answers.
  std::vector<const ServiceInfo*> services() const;
  /// Puts a layer around the calls of this node, on both sides, inside those that were added
  /// before; for calls that begin from now on. docs/middleware.md.
  void add_middleware(std::shared_ptr<Middleware> middleware);

  /// Before start(). Plugins run in the order in which they were added (echostream/plugin.h).
  /// INVALID_ARGUMENT (none), ALREADY_EXISTS (one of that name), FAILED_PRECONDITION (started
  /// already), and what the plugin says about the services that are served already.
  Status add_plugin(std::shared_ptr<Plugin> plugin);
  /// Starts the plugins, and waits for them; OK at once without any. When one fails, those that had
  /// started are stopped, and its error is what this and connect() return from then on.
  /// connect() and listen() begin it by themselves; listen() does not wait for it, and sessions
  /// that come meanwhile wait instead, to be refused (UNAVAILABLE) when it fails. Programs that
  /// listen should await it first, to hear of errors.
  Task<Status> start();

  /// Accepts sessions on "host:port" (a numeric address; "[::]:0" takes IPv4 too and any free
  /// port). Returns the bound address. FAILED_PRECONDITION without an identity, UNAVAILABLE when
  /// the system refuses; what start() says when that has failed.
  Result<SocketAddress> listen(std::string_view address);
  /// Targets of `resolver`'s scheme can be dialled from now on. INVALID_ARGUMENT (none, or a scheme
  /// that is none: RFC 3986 3.1), ALREADY_EXISTS.
  Status add_resolver(std::shared_ptr<Resolver> resolver);
  /// Dials "host:port", or "scheme:..." of a resolver that was added, waits for the handshake and
  /// the check of the peer's certificate (but see ConnectOptions::early_data), and for the word of
  /// plugins where either end has some that look at the other. UNAVAILABLE, UNAUTHENTICATED,
  /// DEADLINE_EXCEEDED, or what such a plugin says, with the reason.
  Task<Result<Session>> connect(std::string target, ConnectOptions options = {});
  /// Dials what connect() does and keeps at it: a session that is lost is replaced by another, and
  /// each dial looks its target up anew. Does not wait; PersistentSession::wait_connected() does.
  /// INVALID_ARGUMENT (target, options), FAILED_PRECONDITION (no trust, shutting down). Calls
  /// that are made before the plugins have started wait for them, as for a session.
  Result<PersistentSession> keep_connected(std::string target, ReconnectOptions options = {});

  /// What NodeOptions says, replaced while the node runs, for handshakes that begin from now on:
  /// new certificates before the old ones expire, other peers to believe. Sessions go on as they
  /// are; to put out those of peers that are believed no more, close them (Session::close()).
  /// INVALID_ARGUMENT, and nothing changes, when one cannot be used.
  Status set_identity(Identity identity, std::vector<Identity> more_identities = {});
  Status set_trust(Trust trust);
  /// Unset: clients need show no certificate.
  Status set_client_trust(std::optional<Trust> trust);

  std::vector<Session> sessions() const;
  NodeClock clock() const;
  /// Counts since the node was made (echostream/node_stats.h).
  NodeStats stats() const;
  /// What others may be told of this node: `name`, the services that it serves, and what plugins
  /// add (echostream/plugin.h). For whoever makes it known on a network.
  Announcement announcement(std::string name) const;
  /// Calls back, from the ready queue, after something of announcement() has changed: a service is
  /// served, the node listens elsewhere or no more (it shuts down), it has another identity,
  /// plugins have started. Until the result is destroyed, which must be before the node is.
  std::unique_ptr<Pending> watch_announcement(std::function<void()> callback);
  /// Values of plugins, middleware and the program, that live as long as the node.
  TypedState& state() const;
  /// A line for NodeOptions::log, or stderr.
  void log(LogLevel level, std::string_view text) const;
  /// No new calls or sessions; calls under way, of both ends, may end until `grace` has passed;
  /// then everything closes. Subscriptions are not waited for. Sessions stay at least three round
  /// trips (30 ms) within `grace`: calls that cross the farewell are refused, so their callers know
  /// that they were not executed. Plugins hear of it first, and stop last (Plugin::on_stop()), in
  /// their own time. A handler that awaits it waits for itself.
  Task<void> shutdown(Duration grace);

  Loop& loop() const;
  /// For tasks of the program that should end with the node.
  TaskGroup& tasks();

  struct Impl;
  Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream
