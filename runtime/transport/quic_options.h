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
  /// RFC 9287. Off makes captures readable for tools that do not know it.
  bool grease_quic_bit = true;
  /// A server's: where clients are asked to move after the handshake (RFC 9000 9.6). At most one of
  /// each family is set.
  SocketAddress preferred_ipv4;
  SocketAddress preferred_ipv6;
  /// A client's: whether it does.
  bool follow_preferred_address = true;
};

}  // namespace echostream::transport
