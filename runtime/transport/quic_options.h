// What can be chosen about a QUIC connection, with defaults for real-time traffic on a good
// network.
#pragma once

#include <cstddef>
#include <cstdint>

#include "echostream/base/time.h"
#include "echostream/socket_address.h"

namespace echostream::transport {

enum class CongestionControl : std::uint8_t { kNewReno, kCubic, kBbr };

struct QuicOptions {
  Duration handshake_timeout = std::chrono::seconds(10);
  /// A connection on which nothing arrives for that long is closed.
  Duration idle_timeout = std::chrono::seconds(30);
  /// A PING is sent after that long without traffic; zero sends none.
  Duration keep_alive_interval = std::chrono::seconds(10);
  /// Flow-control windows: what a peer may make us hold before we read it.
  std::uint64_t connection_window_bytes = 8 * 1024 * 1024;
  std::uint64_t stream_window_bytes = 1024 * 1024;
  /// How many streams the peer may have open at once.
  std::uint64_t max_bidirectional_streams = 1024;
  std::uint64_t max_unidirectional_streams = 1024;
  /// Largest DATAGRAM frame we take; 0 refuses datagrams.
  std::uint64_t max_datagram_frame_bytes = 65535;
  /// Datagrams waiting to be sent: beyond this the oldest of the lowest priority is dropped.
  std::size_t max_queued_datagram_bytes = 1024 * 1024;
  /// The largest datagram that path MTU discovery tries: 1200 to 65527.
  std::size_t max_udp_payload_bytes = 1452;
  CongestionControl congestion_control = CongestionControl::kCubic;
  /// New addresses of the peer, or migrations of our own, that are followed in a second; packets
  /// from more addresses are dropped unread.
  std::size_t max_path_changes_per_second = 16;
  /// What a peer may cost us without bringing anything, per second; five seconds' worth may come at
  /// once. Beyond that the connection is closed (abuse_guard.h says what counts).
  /// Packets from which nothing came, and that acknowledge nothing new; on top of a burst, one
  /// window of packets that arrive behind a gap.
  std::uint64_t max_useless_packets_per_second = 1000;
  /// Streams opened by the peer and then reset, by whichever side. An EXPIRING method breaks off a
  /// stream for each frame that it gives up.
  std::uint64_t max_broken_streams_per_second = 10'000;
  /// Connection ids that it makes us replace. An honest peer changes them with its address.
  std::uint64_t max_id_changes_per_second = 100;
  /// Challenges to new addresses of its, three for each.
  std::uint64_t max_path_challenges_per_second = 100;
  std::uint64_t max_key_updates_per_second = 50;
  /// What ngtcp2 may hold for one connection beside the bytes that the window allows: streams, and
  /// the gaps between pieces of them. A byte and a gap cost the peer eight bytes and us ninety.
  /// More: the connection is closed.
  std::uint64_t max_bookkeeping_bytes = 16 * 1024 * 1024;
  /// Ceiling of what one connection sends. A peer that acknowledges what it has not received yet
  /// (optimistic acknowledgement) opens the congestion window as far as it likes, and ngtcp2 1.11
  /// does not skip packet numbers to catch it. Zero sends nothing.
  std::uint64_t max_send_bytes_per_second = 2'500'000'000;
  /// The packet keys are replaced after that long, and after that many packets sent with them, the
  /// earlier of both (RFC 9001 section 6). Zero: never by time; at least a second and 1000 packets.
  /// The default is half of what AES-GCM allows (section 6.6): ngtcp2 would begin at the limit
  /// itself, and give up when the peer has not confirmed the update before by then.
  Duration key_update_interval = std::chrono::hours(1);
  std::uint64_t key_update_packets = std::uint64_t{1} << 22;
  /// A stream on which we have bytes to send, and the peer lets none of them through for that long,
  /// is given up: QuicConnectionSink::on_stream_stalled(). Zero: never.
  Duration stalled_stream_timeout{};
  /// RFC 9287. Off makes captures readable for tools that do not know it.
  bool grease_quic_bit = true;
  /// A server's: where clients are asked to move after the handshake (RFC 9000 9.6). At most one of
  /// each family is set.
  SocketAddress preferred_ipv4;
  SocketAddress preferred_ipv6;
  /// A server's: clients are told in the handshake that the application lets them in, or not, after
  /// it: QuicConnection::is_asked_to_wait().
  bool asks_clients_to_wait = false;
  /// A client's: whether it follows a preferred address.
  bool follow_preferred_address = true;
};

}  // namespace echostream::transport
