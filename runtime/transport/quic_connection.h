// One QUIC connection (RFC 9000) on ngtcp2 and BoringSSL, without sockets or clocks. The endpoint
// feeds it packets and sends what it writes; the session above opens streams and gets told what
// happens on them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/peer_identity.h"
#include "echostream/security.h"
#include "echostream/socket_address.h"

#include "runtime/base/stream_id.h"
#include "runtime/transport/abuse_guard.h"
#include "runtime/transport/quic_options.h"

namespace echostream::transport {

/// Why and how a connection ended.
struct CloseInfo {
  /// What a caller gets to see: kUnavailable for a lost or refused peer, kUnauthenticated for
  /// certificates, ... with a message for a person.
  Status status;
  /// The application error code, when either application closed the connection (RFC 9000 19.19).
  std::optional<std::uint64_t> application_code;
  bool by_peer = false;
  /// This side put the peer out for that.
  Abuse abuse = Abuse::kNone;
  /// What the peer's application says, made printable.
  std::string reason{};
};

struct ConnectionStats {
  Duration smoothed_rtt{};
  Duration least_rtt{};
  Duration latest_rtt{};
  Duration rtt_variation{};
  std::uint64_t congestion_window_bytes = 0;
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  /// Unknown with ngtcp2 before 1.16.
  std::optional<std::uint64_t> packets_lost;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t key_updates = 0;  // begun by this side
  std::uint64_t delivery_rate_bytes_per_s = 0;
  /// The largest packet that this path was seen to take.
  std::size_t path_mtu_bytes = 0;
  std::uint64_t datagram_frames_sent = 0;
  std::uint64_t datagram_frames_received = 0;
  /// Never sent: stale, or the queue was full.
  std::uint64_t datagram_frames_dropped = 0;
  /// Sent, and taken for lost by loss detection.
  std::uint64_t datagram_frames_lost = 0;
  /// Packets that went out with an ECN mark, and those that came in marked "congestion
  /// experienced".
  std::uint64_t ecn_marked_packets_sent = 0;
  std::uint64_t ecn_ce_packets_received = 0;
};

/// What a connection tells the session. The calls come from inside the endpoint's handle_*() and
/// poll_transmit(). The sink may call any method of QuicConnection from them, but must not destroy
/// the connection. Spans are valid during the call.
class QuicConnectionSink {
 public:
  virtual ~QuicConnectionSink() = default;
  /// The handshake is complete and the peer's certificate was accepted. Streams can be opened. A
  /// server may hear of streams before: they are early data, which may be a copy of what the client
  /// sent in an earlier connection.
  virtual void on_connected(LocalTime now) = 0;
  /// Client: nothing that was sent before on_connected(), which follows, was taken. Its streams are
  /// gone without a word; their ids will be used again.
  virtual void on_early_data_rejected(LocalTime now) = 0;
  /// Client: for QuicEndpoint::Dial::ticket of one later connection to the same server. Secret.
  virtual void on_session_ticket(LocalTime now, BytesView ticket) = 0;
  /// Ordered bytes of a stream. The first call for a peer-opened stream also announces it. `fin`
  /// marks the end. The bytes count against the flow-control windows until consume().
  virtual void on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) = 0;
  /// The peer gave up sending (RESET_STREAM).
  virtual void on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) = 0;
  /// The peer wants no more of this stream (STOP_SENDING). The connection has reset our side. With
  /// ngtcp2 1.11 this comes when we write to the stream or wait for its flow control, with code 0,
  /// or when the stream closes.
  virtual void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) = 0;
  /// What waits unsent on the stream fell to the low-water mark after having been above it.
  virtual void on_stream_drained(LocalTime now, StreamId id) = 0;
  /// The peer's flow control has let nothing of what waits on the stream through for
  /// QuicOptions::stalled_stream_timeout. Told again and again until the stream is reset.
  virtual void on_stream_stalled(LocalTime now, StreamId id) = 0;
  /// Both directions ended and everything was acknowledged; the id is never used again.
  virtual void on_stream_closed(LocalTime now, StreamId id) = 0;
  /// The peer allows more streams than before; try open_*() again.
  virtual void on_streams_available(LocalTime now) = 0;
  virtual void on_datagram(LocalTime now, BytesView data) = 0;
  /// A datagram given to send_datagram() was dropped before it was sent: stale, or the queue was
  /// full.
  virtual void on_datagram_dropped(LocalTime now, std::uint64_t tag) = 0;
  /// A datagram with a tag went into a packet, which is sent at `now`: after the pacer's leave,
  /// just before the system call.
  virtual void on_datagram_sent(LocalTime now, std::uint64_t tag) = 0;
  /// The peer is reached over another path now (migration, a NAT that forgot), which was validated.
  virtual void on_path_changed(LocalTime now) = 0;
  /// How a migrate() to the socket `local` ended. OK: packets go that way now. Otherwise the old
  /// path is still used: UNAVAILABLE when nobody answered over the new one, ABORTED when another
  /// migration was begun meanwhile.
  virtual void on_migrated(LocalTime now, const SocketAddress& local, const Status& status) = 0;
  /// The connection is over; the last call. Nothing can be sent any more.
  virtual void on_closed(LocalTime now, const CloseInfo& info) = 0;
};

/// Send priority: 0 is served first, 7 last; equals share in turn.
using Priority = std::uint8_t;
inline constexpr Priority kDefaultPriority = 3;

struct OutgoingDatagramFrame {
  /// Header and payload of one DATAGRAM frame, sent without joining them in memory.
  Buffer header;
  Buffer payload;
  Priority priority = kDefaultPriority;
  /// Dropped instead of sent once this has passed.
  LocalTime expires_at = kNever;
  /// Comes back in on_datagram_dropped() and, if it is not zero, in on_datagram_sent().
  std::uint64_t tag = 0;
};

/// Commands and getters; they take effect with the endpoint's next poll_transmit().
class QuicConnection {
 public:
  virtual ~QuicConnection() = default;

  virtual bool is_server() const = 0;
  /// The handshake is complete and close has not begun.
  virtual bool is_open() const = 0;
  virtual SocketAddress remote_address() const = 0;
  /// Where the peer's datagrams arrive, as far as the socket tells.
  virtual SocketAddress local_address() const = 0;
  /// The ALPN protocol agreed on; empty before that.
  virtual std::string alpn() const = 0;
  /// The peer's leaf certificate; none before the handshake or when the peer sent none.
  virtual std::optional<Fingerprint> peer_fingerprint() const = 0;
  /// Who the peer is; none where peer_fingerprint() gives none, or when it was refused.
  virtual std::optional<PeerIdentity> peer_identity() const = 0;
  /// The handshake resumed an earlier session; false before it is complete.
  virtual bool is_resumed() const = 0;
  /// Client, before on_connected(): bidirectional streams can be opened and written to.
  virtual bool can_send_early() const = 0;
  /// Client, once connected: whether the server lets it in is not decided with the handshake
  /// (docs/protocol.md 2.2).
  virtual bool is_asked_to_wait() const = 0;
  /// Whether early data was taken. None while that is not known, and when there is none.
  virtual std::optional<bool> early_data_accepted() const = 0;
  virtual ConnectionStats stats() const = 0;
  /// What a stream of that priority may send now, in bytes per second; 0: not known yet.
  virtual std::uint64_t target_bytes_per_s(std::uint8_t priority) const = 0;

  /// kResourceExhausted when the peer allows no more streams now (on_streams_available() follows).
  /// A server that gets early data may open unidirectional ones before on_connected().
  virtual Result<StreamId> open_bidirectional() = 0;
  virtual Result<StreamId> open_unidirectional() = 0;
  /// Queues bytes at the end of the stream; the buffer is held until acknowledged. Ignored when our
  /// side of the stream has ended.
  virtual void write(StreamId id, Buffer bytes, bool fin) = 0;
  virtual void set_priority(StreamId id, Priority priority) = 0;
  /// Bytes queued on the stream that were never put into a packet.
  virtual std::size_t unsent_bytes(StreamId id) const = 0;
  /// Asks for on_stream_drained() once unsent_bytes() is at most `low_water_bytes`.
  virtual void notify_when_drained(StreamId id, std::size_t low_water_bytes) = 0;
  /// Ends our sending side at once (RESET_STREAM); what was queued is dropped.
  virtual void reset(StreamId id, std::uint64_t code) = 0;
  /// Asks the peer to send no more (STOP_SENDING); what still arrives is dropped.
  virtual void stop_sending(StreamId id, std::uint64_t code) = 0;
  /// Gives flow-control credit back for bytes of on_stream_data().
  virtual void consume(StreamId id, std::size_t bytes) = 0;

  /// Largest DATAGRAM payload that fits one packet now; 0 when the peer takes none.
  virtual std::size_t max_datagram_bytes() const = 0;
  /// kInvalidArgument when empty or larger than max_datagram_bytes().
  virtual Status send_datagram(OutgoingDatagramFrame datagram) = 0;

  /// Moves a dialled connection to another socket, called `local` from now on in
  /// IncomingDatagram::socket and Transmit::local (RFC 9000 9): proves that the peer can be reached
  /// over it while the old path goes on being used, then changes to it and to a connection id that
  /// was never seen before. Begins once the handshake is confirmed. on_migrated() follows unless
  /// this says why it cannot be: FAILED_PRECONDITION (an accepted connection, or the peer forbids
  /// it), INVALID_ARGUMENT (the same socket, or an address of the other family),
  /// RESOURCE_EXHAUSTED (too often, or the peer has not given another id yet: try again a round
  /// trip later), UNAVAILABLE (closed).
  virtual Status migrate(LocalTime now, const SocketAddress& local) = 0;

  /// Ends the connection: sends CONNECTION_CLOSE with the code and the reason; on_closed() follows.
  virtual void close(std::uint64_t application_code, std::string reason) = 0;
  /// Keying material bound to this connection (RFC 8446 7.5). kFailedPrecondition before the
  /// handshake is complete.
  virtual Status export_keying_material(std::string_view label, BytesView context,
                                        MutableBytes out) const = 0;
  /// Updates the packet keys (RFC 9001 6). kFailedPrecondition when the last update is not
  /// confirmed yet.
  virtual Status update_keys(LocalTime now) = 0;
};

}  // namespace echostream::transport
