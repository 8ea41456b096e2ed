// A world with one of our endpoints and a peer that breaks rules.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/hostile_peer.h"
#include "tests/support/live_bytes.h"

namespace echostream::testing {

// RFC 9000 section 20.1.
inline constexpr std::uint64_t kConnectionRefused = 0x02;
inline constexpr std::uint64_t kFlowControlError = 0x03;
inline constexpr std::uint64_t kStreamLimitError = 0x04;
inline constexpr std::uint64_t kStreamStateError = 0x05;
inline constexpr std::uint64_t kFinalSizeError = 0x06;
inline constexpr std::uint64_t kFrameEncodingError = 0x07;
inline constexpr std::uint64_t kTransportParameterError = 0x08;
inline constexpr std::uint64_t kConnectionIdLimitError = 0x09;
inline constexpr std::uint64_t kProtocolViolation = 0x0a;
inline constexpr std::uint64_t kInvalidToken = 0x0b;
inline constexpr std::uint64_t kCryptoBufferExceeded = 0x0d;
inline constexpr std::uint64_t kCryptoError = 0x100;  // + TLS alert

/// A server of ours and a client that breaks rules.
struct HostileClient {
  explicit HostileClient(QuicWorld::Options options = {})
      : server(world.add_server(SocketAddress::ipv4({192, 0, 2, 1}, 4433), std::move(options))),
        peer(world, HostilePeer::Role::kClient, SocketAddress::ipv4({203, 0, 113, 66}, 666),
             server) {}

  /// The code of the server's CONNECTION_CLOSE; none while it lives.
  std::optional<std::uint64_t> code() const {
    return peer.close ? std::optional(peer.close->value) : std::nullopt;
  }
  RecordingSink& sink() { return *server.accepted.back(); }

  QuicWorld world;
  QuicHost& server;
  HostilePeer peer;
};

/// A client of ours and a server that breaks rules.
struct HostileServer {
  explicit HostileServer(QuicWorld::Options options = {})
      : client(world.add_client(SocketAddress::ipv4({198, 51, 100, 7}, 50000), std::move(options))),
        peer(world, HostilePeer::Role::kServer, SocketAddress::ipv4({203, 0, 113, 66}, 4433),
             client) {
    stranger.address = stranger.public_address = SocketAddress::ipv4({203, 0, 113, 66}, 4433);
  }

  /// Dials the peer; true when both have their keys.
  bool connect(Duration limit = std::chrono::seconds(1)) {
    world.dial(client, stranger, sink);
    world.flush(client);
    peer.run_for(limit);
    return sink.is_connected() && !sink.is_closed();
  }
  std::optional<std::uint64_t> code() const {
    return peer.close ? std::optional(peer.close->value) : std::nullopt;
  }

  RecordingSink sink;
  QuicWorld world;
  QuicHost& client;
  HostilePeer peer;
  QuicHost stranger;  // an address to dial
};

}  // namespace echostream::testing
