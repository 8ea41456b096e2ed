// Pairing: two devices that have never met come to trust each other by a short code that a person
// reads off one and enters into the other. docs/pairing.md has the threat model.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/known_peers.h"
#include "echostream/loop.h"
#include "echostream/node.h"
#include "echostream/security.h"
#include "echostream/socket_address.h"

namespace echostream::pairing {

/// Of the service that a device waiting to be paired serves, for discovery.
inline constexpr char kServiceName[] = "echostream.pairing.v1.Pairing";

class PairingOptions {
 public:
  PairingOptions() {}

  /// What the other side will know this one by: as it is announced, so that
  /// "echostream+mdns:NAME" finds it again. KnownPeer::name says what is allowed.
  std::string name;
  /// Of this device; the other side will trust exactly it. Required.
  std::optional<Identity> identity;
  /// Where the other one is written down (Trust::known_peers()). Required.
  std::shared_ptr<KnownPeers> peers;
  /// How long one run may take once the two are connected: it is three round trips, for the code
  /// was entered before. A host ends whoever stalls after that long.
  Duration patience = std::chrono::seconds(10);
  /// As NodeOptions::log. Nodes warn of sessions with peers that nobody has checked; for pairing,
  /// which is how they come to be checked, that is a kDebug line.
  std::function<void(LogLevel, std::string_view)> log;
};
static_assert(kSafeInAwait<PairingOptions>);

/// A device that waits to be paired: shows a code of its own making. It listens for that alone, on
/// a port of its own and with its own node, which serves nothing else. Each code is good for one
/// try: whoever enters a wrong one has spent it, and a new code is shown; after ten wrong ones, and
/// after `open_for`, it is over. One device is served at a time, others hear UNAVAILABLE. Whoever
/// goes away or stalls before the code was compared has learnt nothing, and it stays good. One
/// thread: the loop's.
class PairingHost {
 public:
  struct Options {
    PairingOptions pairing;
    /// As in Node::listen().
    std::string listen_on = "[::]:0";
    Duration open_for = std::chrono::minutes(5);
    /// The code to show, six digits, "123 456" for people; called anew for each code, for the first
    /// one by start(). Must not destroy the host. Required.
    std::function<void(const std::string& code)> show_code;
  };
  /// INVALID_ARGUMENT (options), UNAVAILABLE (cannot listen).
  static Result<std::unique_ptr<PairingHost>> start(Loop& loop, Options options);
  virtual ~PairingHost() = default;

  /// Where it listens; its node is for announce().
  virtual Node& node() = 0;
  virtual SocketAddress address() const = 0;
  /// The peer that was paired, which is in the list now. DEADLINE_EXCEEDED (nobody came),
  /// PERMISSION_DENIED (too many wrong codes), ALREADY_EXISTS (the peer's name stands for another
  /// certificate), what else KnownPeers::add() says, CANCELLED (the host goes on). Waits up to
  /// three seconds for the other side to have heard of it; destroy the host after that.
  virtual Task<Result<KnownPeer>> wait_paired() = 0;
};

/// The other device: connects to `address`, "host:port", and proves that it knows the code (six
/// digits; spaces and '-' are ignored). Both sides then have each other in their lists, or neither
/// has; only when the connection is lost with the very last message this side may have the host in
/// its list alone, and the error says so: pairing again mends it.
/// UNAVAILABLE (nobody answers, or the host is busy with another device, or the connection was lost
/// before anything depended on the code, which may be tried again, at another address too).
/// PERMISSION_DENIED (wrong code, or somebody in between), ABORTED (the connection was lost, the
/// host gave up or a list could not be written, later on), DEADLINE_EXCEEDED: no program may try
/// again with the code, for whoever answers as the host has one guess at it each time.
/// INVALID_ARGUMENT (a code that is none, options), ALREADY_EXISTS as above, what else
/// KnownPeers::add() says, CANCELLED.
Task<Result<KnownPeer>> pair(Loop& loop, std::string address, std::string code,
                             PairingOptions options);

}  // namespace echostream::pairing
