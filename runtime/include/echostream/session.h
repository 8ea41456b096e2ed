// One connection to a peer. Both ends can call, serve, publish and stream, whoever dialled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/clock.h"
#include "echostream/jitter_buffer.h"
#include "echostream/peer_identity.h"
#include "echostream/security.h"
#include "echostream/socket_address.h"
#include "echostream/typed_state.h"

namespace echostream {

namespace internal {
class PersistentState;
class SessionState;
}  // namespace internal

/// What generated clients call through: one session, or one after the other. A cheap handle; get it
/// from Session::channel() or PersistentSession::channel().
class Channel {
 public:
  explicit Channel(std::shared_ptr<internal::SessionState> state) noexcept
      : state_(std::move(state)) {}
  explicit Channel(std::shared_ptr<internal::PersistentState> persistent) noexcept
      : persistent_(std::move(persistent)) {}
  /// Null when it is a persistent session's.
  const std::shared_ptr<internal::SessionState>& state() const noexcept { return state_; }
  std::shared_ptr<internal::SessionState> take_state() && noexcept { return std::move(state_); }
  /// Null when it is a plain session's.
  const std::shared_ptr<internal::PersistentState>& persistent() const noexcept {
    return persistent_;
  }

 private:
  std::shared_ptr<internal::SessionState> state_;
  std::shared_ptr<internal::PersistentState> persistent_;
};

struct SessionStats {
  /// All four rtts are zero before the first sample, and after a change of path until the next.
  Duration smoothed_rtt{};
  Duration least_rtt{};
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  Duration latest_rtt{};
  /// Mean deviation of the rtt (RFC 9002 5.3).
  Duration rtt_variation{};
  /// What may be on its way unacknowledged, and what is.
  std::uint64_t congestion_window_bytes = 0;
  std::uint64_t bytes_in_flight = 0;
  /// What of streams and datagrams reached the peer, per second, over the last round trips. While
  /// the program sends less than the path would take it is the most seen lately; 0 before the first
  /// acknowledgements.
  std::uint64_t delivery_rate_bytes_per_s = 0;
  /// The largest UDP payload that the path takes, as far as it is known.
  std::size_t path_mtu_bytes = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  /// Unknown with ngtcp2 before 1.16.
  std::optional<std::uint64_t> packets_lost;
  /// DATAGRAM frames: sent; received; dropped here because they were stale or the queue was full;
  /// sent and, as far as acknowledgements tell, lost on the way.
  std::uint64_t datagram_frames_sent = 0;
  std::uint64_t datagram_frames_received = 0;
  std::uint64_t datagram_frames_dropped = 0;
  std::uint64_t datagram_frames_lost = 0;
  /// Packets sent with an ECN mark (none once the path was seen to erase them), and those received
  /// with "congestion experienced" (RFC 3168).
  std::uint64_t ecn_marked_packets_sent = 0;
  std::uint64_t ecn_ce_packets_received = 0;
  std::uint64_t calls_started = 0;
  std::uint64_t calls_received = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events_received = 0;
};

/// The peer's clock as this node knows it: Session::clock(). Four time stamps go over QUIC
/// datagrams and back (RFC 5905), some 20 times at the start, then once a second, five times while
/// streams flow. A handle, like Session; after the session has closed it goes on predicting.
class SessionClock {
 public:
  explicit SessionClock(std::shared_ptr<internal::SessionState> state) noexcept
      : state_(std::move(state)) {}

  /// What is known now. `samples` is 0 while nothing is: before the first exchange, and with peers
  /// that take no datagrams.
  ClockEstimate estimate() const;
  /// Both ways between the clocks. Monotonic: never backwards, changed by slewing, but for
  /// one step where the peer's own clock fell back by more than a second (its machine slept).
  /// Before the first exchange the epochs are taken to be equal.
  RemoteTime to_remote(LocalTime time) const;
  LocalTime to_local(RemoteTime time) const;
  /// From a stamp of the peer's to an event here.
  Latency latency(RemoteTime sent, LocalTime received) const;
  /// Waits until the hard bound is at most `bound`. UNAVAILABLE when the session closes before,
  /// CANCELLED when the call does that this works for.
  Task<Status> wait_until_known(Duration bound) const;

 private:
  std::shared_ptr<internal::SessionState> state_;
};

/// A handle: copies mean the same session. The node keeps the session alive until it is closed; a
/// handle of a closed session stays valid, and calls on it fail with UNAVAILABLE. One thread: the
/// loop's.
class Session {
 public:
  explicit Session(std::shared_ptr<internal::SessionState> state) noexcept
      : state_(std::move(state)) {}

  /// The generated client of service S: `auto robot = session.client<Robot>();`
  template <class S>
  typename S::Client client() const {
    return typename S::Client(channel());
  }
  Channel channel() const { return Channel(state_); }

  /// The handshake is complete, plugins have let the peer in, and the session is not closed.
  bool is_open() const;
  /// Waits until the session is open: at once, but for one that connect() returned early
  /// (ConnectOptions::early_data). Otherwise why it closed, or CANCELLED.
  Task<Status> wait_connected() const;
  /// The handshake resumed an earlier session. False before it is complete.
  bool is_resumed() const;
  /// Whether the server took what was sent before the handshake was complete. None while that is
  /// not known, and when nothing could be sent early. False: it was sent again, nothing is lost. On
  /// a session that was accepted: true when the client sent early data, none otherwise.
  std::optional<bool> early_data_accepted() const;
  SocketAddress remote_address() const;
  /// Where the peer's datagrams reach this machine; unset before the first one, and in memory.
  SocketAddress local_address() const;
  /// Of the peer's certificate; none when it showed none (clients, unless they were asked), and
  /// before the handshake of a session that was dialled is complete.
  std::optional<Fingerprint> peer_fingerprint() const;
  /// Who the peer is: the names in its certificate, and how that was verified; also after the end.
  /// None where peer_fingerprint() gives none. Before an accepted session's handshake is complete
  /// (early data), who its ticket was given to. A handler asks `call.peer().peer_identity()`.
  std::optional<PeerIdentity> peer_identity() const;
  /// Bytes that both ends of this session can compute and nobody else (RFC 8446 7.5), to bind
  /// another protocol to it. `label` (1 to 249 bytes) keeps uses apart; 1 to 1024 bytes are made.
  /// FAILED_PRECONDITION before the handshake is complete, or without TLS; UNAVAILABLE once it is
  /// closed; INVALID_ARGUMENT.
  Result<std::string> export_keying_material(std::string_view label, std::string_view context,
                                             std::size_t bytes) const;
  SessionStats stats() const;
  SessionClock clock() const { return SessionClock(state_); }
  /// None before a stream of that group was received.
  std::optional<SyncGroupStats> sync_group(std::string_view name) const;

  /// Moves the session to a new UDP socket, on `local` or wherever the system sends from
  /// (RFC 9000 9). The peer must first answer over it; until then, and if it does not, everything
  /// goes on over the old one. Calls and streams notice nothing; the congestion window starts anew,
  /// and the peer sees a connection id that it never saw before. Only the side that dialled can.
  /// Errors: UNAVAILABLE (no answer within about three probe timeouts, no such local address, or
  /// closed), FAILED_PRECONDITION (accepted session, not open yet, or the peer forbids it),
  /// INVALID_ARGUMENT (`local` is not of the peer's address family, or in use by this session),
  /// RESOURCE_EXHAUSTED (too often, or the peer has not given out another id yet), ABORTED (another
  /// migration was begun), CANCELLED; after that the migration still goes on.
  Task<Status> migrate(SocketAddress local = {}) const;

  /// Ends the session at once; calls under way end with UNAVAILABLE on both sides.
  void close(std::string reason = {});
  /// Waits until the session is closed, by whichever side or cause, and says why.
  Task<Status> wait_closed() const;
  /// No new calls; waits until those under way have ended, then closes. Stays at least three round
  /// trips (30 ms), so that calls which cross the farewell are refused, and at most `grace`.
  Task<void> drain(Duration grace) const;

  /// Values of plugins, middleware and the program, that live as long as somebody holds a handle.
  TypedState& state() const;

  const std::shared_ptr<internal::SessionState>& impl() const noexcept { return state_; }
  friend bool operator==(const Session&, const Session&) = default;

 private:
  std::shared_ptr<internal::SessionState> state_;
};

}  // namespace echostream
