// What lets a server recognise its own words later without remembering anyone: Retry and NEW_TOKEN
// tokens (RFC 9000 section 8.1) and stateless reset tokens (section 10.3), from keys made at start,
// or from a secret that outlives the process.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/time.h"
#include "echostream/socket_address.h"

#include "runtime/transport/connection_id.h"

namespace echostream::transport {

using ResetToken = std::array<std::uint8_t, 16>;

class AddressTokens {
 public:
  /// 64 unpredictable bytes.
  using Secret = std::array<std::uint8_t, 64>;
  explicit AddressTokens(const Secret& secret) : secret_(secret) {}
  /// From 32 unpredictable bytes, the same from the same.
  static Secret derive_secret(const std::array<std::uint8_t, 32>& from);

  /// For a Retry packet: holds the client's first destination id, is bound to its address with port
  /// and to the id that the Retry gave. `nonce` must be fresh. Times are times of day: tokens are
  /// good after a restart, and on other machines with the same secret and about the same time.
  using Nonce = std::array<std::uint8_t, 12>;
  std::vector<std::uint8_t> make_retry_token(WallTime now, const SocketAddress& client,
                                             const ConnectionId& retry_id,
                                             const ConnectionId& original_id,
                                             const Nonce& nonce) const;
  /// The original id; none when the token is not ours, is another client's, or is too old.
  std::optional<ConnectionId> open_retry_token(WallTime now, BytesView token,
                                               const SocketAddress& client,
                                               const ConnectionId& retry_id) const;
  static bool is_retry_token(BytesView token);

  /// For a NEW_TOKEN frame: proves the address (without port) on a later connection.
  std::vector<std::uint8_t> make_new_token(WallTime now, const SocketAddress& client,
                                           const Nonce& nonce) const;
  bool check_new_token(WallTime now, BytesView token, const SocketAddress& client) const;

  ResetToken reset_token(const ConnectionId& id) const;

 private:
  std::vector<std::uint8_t> seal(std::uint8_t kind, const Nonce& nonce, BytesView plain,
                                 BytesView bound_to) const;
  std::optional<std::vector<std::uint8_t>> open(std::uint8_t kind, BytesView token,
                                                BytesView bound_to) const;
  BytesView token_key() const { return BytesView(secret_).first(16); }
  BytesView reset_key() const { return BytesView(secret_).subspan(32); }

  Secret secret_;
};

}  // namespace echostream::transport
