// A server's session tickets: sealed with keys that only this process knows and that change, and
// good for early data once. Shared by the connections of a TlsContext, on any threads.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/time.h"

#include "runtime/transport/strike_register.h"

namespace echostream::transport {

class TicketKeys {
 public:
  /// A key seals for that long and opens for as long again, so that a stolen one opens no more than
  /// the early data of two days.
  static constexpr Duration kRotation = std::chrono::hours(24);
  /// Of a ticket: until its key is forgotten at the earliest.
  static constexpr std::uint32_t kLifetimeSeconds = 24 * 3600;

  /// Key number (8), nonce (12), tag (16).
  static constexpr std::size_t kOverheadBytes = 36;

  TicketKeys() = default;
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// `bound_to`: opens only together with the same.
  std::vector<std::uint8_t> seal(WallTime now, BytesView session, BytesView bound_to);
  struct Opened {
    std::vector<std::uint8_t> session;
    /// This is the ticket's first use.
    bool may_carry_early_data = false;
  };
  /// Nothing for tickets of others, of an earlier process, too old ones and forged ones.
  std::optional<Opened> open(WallTime now, BytesView ticket, BytesView bound_to);

  const StrikeRegister& strikes() const noexcept { return strikes_; }

 private:
  struct Key {
    std::array<std::uint8_t, 8> number{};
    std::array<std::uint8_t, 32> bytes{};
    WallTime made_at{};
  };
  static Key make_key(WallTime now);
  void rotate(WallTime now);
  std::optional<Key> key_with(WallTime now, BytesView number);

  std::mutex mutex_;
  std::optional<Key> current_;
  std::optional<Key> previous_;
  StrikeRegister strikes_;
};

/// Seals and opens with the TicketKeys of the connection's TlsPolicy, bound to the host name that
/// the client asked for and the ALPN protocol: with others it gets a full handshake.
extern const SSL_TICKET_AEAD_METHOD kTicketMethod;

}  // namespace echostream::transport
