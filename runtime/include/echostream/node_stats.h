// What a node counts: Node::stats().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "echostream/base/status.h"
#include "echostream/base/time.h"

namespace echostream {

/// What a session was closed for by this side because its peer went too far.
enum class Misbehaviour : std::uint8_t {
  kUselessPackets,
  kBrokenStreams,
  kConnectionIds,
  kPaths,
  kKeyUpdates,
  kMemory,
  kProtocol,  // docs/protocol.md was not followed
  kLimit,     // one of echostream/limits.h
};
inline constexpr std::size_t kMisbehaviours = 8;
/// "useless_packets", ...
std::string_view to_string(Misbehaviour kind);

/// One count for each status code.
class CountByStatus {
 public:
  void add(StatusCode code) noexcept { ++counts_[static_cast<std::size_t>(code)]; }
  std::uint64_t of(StatusCode code) const noexcept {
    return counts_[static_cast<std::size_t>(code)];
  }
  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
  }

 private:
  std::array<std::uint64_t, 17> counts_{};
};

/// Counts are since the node was made, except for those of "now". What went over a session is in
/// Session::stats().
struct NodeStats {
  // Sessions. Each one that is accepted or dialled is sooner or later opened, failed or refused.
  /// Now: open; and not yet open (handshake, or plugins that look at the peer).
  std::size_t sessions_open = 0;
  std::size_t sessions_opening = 0;
  std::uint64_t sessions_accepted = 0;
  std::uint64_t sessions_dialled = 0;
  std::uint64_t sessions_opened = 0;
  /// Of these, those that resumed an earlier one; those whose early data was taken, and those whose
  /// early data had to be sent again.
  std::uint64_t sessions_resumed = 0;
  std::uint64_t early_data_accepted = 0;
  std::uint64_t early_data_rejected = 0;
  /// By the reason of the end: UNAVAILABLE when either side closed it, or the peer was lost.
  CountByStatus sessions_closed;
  /// Ended before they were open: handshakes that came to nothing, dials that another address won,
  /// refusals by the peer.
  CountByStatus sessions_failed;
  /// By a plugin of this node.
  CountByStatus sessions_refused;
  /// Closed by this side because of what the peer did.
  std::array<std::uint64_t, kMisbehaviours> peers_put_out{};

  // Clients before there is a session.
  std::uint64_t handshakes_started = 0;
  /// Turned away: a limit, or the node is shutting down.
  std::uint64_t clients_refused = 0;
  /// Asked to prove their address.
  std::uint64_t retries_sent = 0;
  std::uint64_t stateless_resets_sent = 0;
  /// Datagrams that belonged to nothing: rubbish, or of a session that is long over.
  std::uint64_t datagrams_dropped = 0;

  // Handlers.
  /// Of calls and events, now.
  std::size_t handlers_running = 0;
  /// Calls that were refused: Limits::max_running_handlers, Limits::max_subscriptions.
  std::uint64_t calls_over_limit = 0;

  // The loop. How often it stood still for more than a second, and for how long in all.
  std::uint64_t loop_stalls = 0;
  Duration loop_stalled{};
};

}  // namespace echostream
