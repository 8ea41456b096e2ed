// All QUIC connections of one UDP socket: routes datagrams to connections, accepts and dials,
// answers what belongs to no connection (version negotiation, Retry, stateless reset). No sockets,
// no clocks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/base/unique_function.h"
#include "echostream/socket_address.h"

#include "runtime/transport/peer_name.h"
#include "runtime/transport/quic_connection.h"
#include "runtime/transport/quic_options.h"
#include "runtime/transport/tls_context.h"
#include "runtime/transport/trace_sinks.h"

namespace echostream::transport {

/// A datagram as it came from the socket.
struct IncomingDatagram {
  SocketAddress local;
  SocketAddress remote;
  std::uint8_t ecn = 0;
  BytesView data;
  /// Unset: the endpoint's own socket. Otherwise that which migrate() named.
  SocketAddress socket = {};
};

/// One or more datagrams for one peer, `segment_size` bytes each but the last. `data` is valid
/// until the next call of the endpoint.
struct Transmit {
  SocketAddress local;
  SocketAddress remote;
  std::uint8_t ecn = 0;
  BytesView data;
  std::size_t segment_size = 0;
};

class QuicEndpointSink {
 public:
  virtual ~QuicEndpointSink() = default;
  /// A client has completed its handshake and wants in: return the sink of the new connection, or
  /// null to refuse it (CONNECTION_REFUSED). The connection lives until QuicEndpoint::release().
  virtual QuicConnectionSink* on_incoming(LocalTime now, QuicConnection& connection) = 0;
  /// A client that was not let in for its certificate, or for a limit: then its address may be
  /// forged. Not told of those that went away, or came after stop_accepting().
  virtual void on_refused(LocalTime, const SocketAddress& /*remote*/, const Status&) {}
  /// A datagram of another member of the endpoint's group: hand it to that member's
  /// handle_datagram(). Never called without a group.
  virtual void on_misdelivered(LocalTime, std::size_t /*owner*/, const IncomingDatagram&) {}
};

/// Several endpoints behind one UDP port (SO_REUSEPORT), each on a thread of its own. The system
/// deals datagrams out by the client's address, which may change; ids say whose they are. What one
/// member says of tokens and resets, all would say.
struct EndpointGroup {
  /// The same unpredictable bytes for all members.
  std::array<std::uint8_t, 32> secret{};
  /// At most 256.
  std::size_t size = 0;
  std::size_t index = 0;
};

struct EndpointStats {
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_dropped = 0;  // garbage, too short, no connection and not worth an answer
  std::uint64_t datagrams_misdelivered = 0;  // those of other members of the group
  std::uint64_t version_negotiations_sent = 0;
  std::uint64_t retries_sent = 0;
  std::uint64_t stateless_resets_sent = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t handshakes_started = 0;  // by clients
};

class QuicEndpoint {
 public:
  struct Options {
    QuicOptions quic;
    /// Set to accept connections.
    std::shared_ptr<TlsContext> server_tls;
    /// Unset: the only endpoint of its port.
    std::optional<EndpointGroup> group;
    /// Half-open connections from which every new client must prove its address by a Retry (RFC
    /// 9000 8.1).
    std::size_t retry_above_half_open = 256;
    std::size_t max_half_open = 4096;
    std::size_t max_connections = 100'000;
    /// Connections of one address, whatever the port; 0: no limit. More are refused.
    std::size_t max_connections_per_address = 0;
    /// Handshakes a second from one network (address_budget.h); 0: no limit. Above it clients must
    /// prove their addresses, and those who have are refused: others cannot use up their share.
    std::size_t max_handshakes_per_network = 0;
    /// Set: tokens and stateless resets are made from it, and so are good after a restart.
    std::optional<std::array<std::uint8_t, 32>> static_secret;
    /// Answers to packets of no connection (stateless reset, version negotiation), per second.
    std::size_t max_stateless_answers_per_second = 100;
    /// Datagrams written for one connection at a time, for one GSO call.
    std::size_t max_burst_datagrams = 64;
    /// Unpredictable bytes (a seeded source in the simulator).
    UniqueFunction<void(MutableBytes)> fill_random;
    /// The time of day for certificate checks.
    UniqueFunction<WallTime()> wall_time;
    /// Where the trace of a new connection goes; null: nowhere. Unset: no connection is traced.
    UniqueFunction<std::unique_ptr<QlogSink>(QlogName)> open_qlog;
  };

  struct Dial {
    SocketAddress local;  // may be unset
    SocketAddress remote;
    /// For SNI and the certificate check: a host name or a numeric address.
    std::string server_name;
    /// As whom the peer is known, where a list of known peers is trusted.
    PeerName peer_name{};
    std::shared_ptr<TlsContext> tls;
    /// Of an earlier connection to that server (QuicConnectionSink::on_session_ticket()), which is
    /// resumed if both ends still can. To be used once; one that is not understood is ignored.
    std::string ticket;
    /// Streams may be opened at once, if the ticket allows it: see
    /// QuicConnection::can_send_early().
    bool early_data = false;
  };

  virtual ~QuicEndpoint() = default;

  /// Inputs. After each (or after a batch of them) call poll_transmit() until it returns nothing,
  /// then arm a timer for next_deadline().
  virtual void handle_datagram(LocalTime now, const IncomingDatagram& datagram) = 0;
  virtual void handle_timeout(LocalTime now) = 0;

  /// For clients that come from now on; handshakes under way and connections keep theirs. Not null.
  virtual void set_server_tls(std::shared_ptr<TlsContext> tls) = 0;
  /// Refuses clients that come from now on (CONNECTION_REFUSED).
  virtual void stop_accepting() = 0;
  /// Starts a handshake. The sink outlives the connection. Errors: bad name, no memory.
  virtual Result<QuicConnection*> connect(LocalTime now, Dial dial, QuicConnectionSink& sink) = 0;
  /// Frees a connection whose on_closed() was called (at once, or after its closing period without
  /// the sink). Not from inside a sink call.
  virtual void release(QuicConnection& connection) = 0;

  /// The next packets to send, of connections in turn; nothing when nobody has anything to send
  /// now.
  virtual std::optional<Transmit> poll_transmit(LocalTime now) = 0;
  /// When handle_timeout() wants to be called, loss detection, pacing and idle included.
  virtual LocalTime next_deadline() const = 0;

  virtual EndpointStats stats() const = 0;
  virtual std::size_t connection_count() const = 0;
};

std::unique_ptr<QuicEndpoint> make_quic_endpoint(QuicEndpoint::Options options,
                                                 QuicEndpointSink& sink);

}  // namespace echostream::transport
