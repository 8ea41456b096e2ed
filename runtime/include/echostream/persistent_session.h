// A session that comes back by itself: Node::keep_connected() dials, dials again when the session
// is lost, and carries calls, subscriptions and streams over to the next one (docs/reconnect.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/session.h"

namespace echostream {

class PersistentSession;

enum class ConnectionState : std::uint8_t {
  kConnecting,  // a dial is under way
  kConnected,   // calls go out at once
  kWaiting,     // the last dial failed, or the session was lost; the next dial comes
  kClosed,      // for good: close(), the end of the node, or an error that no dial can cure
};

struct ConnectionStatus {
  ConnectionState state = ConnectionState::kConnecting;
  /// Why the last session or the last dial ended; OK before any did. kClosed: why it is over.
  Status last_error;
  /// kWaiting: when the next dial begins.
  LocalTime next_attempt = kNever;
  /// How many sessions there were, the present one included.
  std::uint64_t sessions = 0;
  /// How many dials failed since the last session.
  std::uint64_t failed_attempts = 0;
};

/// How to come back. The n-th dial in a row waits a random time below
/// min(max_delay, initial_delay * multiplier^n), so that those who lost the same server do not
/// return in step; the first dial of all waits for nothing.
class ReconnectOptions {
 public:
  ReconnectOptions() {}

  /// Positive, at most max_delay.
  Duration initial_delay = std::chrono::milliseconds(200);
  Duration max_delay = std::chrono::seconds(30);
  /// 1 to 100.
  double multiplier = 2;
  /// A session that lasted that long starts the waiting anew from initial_delay.
  Duration stable_after = std::chrono::seconds(10);
  /// One dial, name lookup and handshake. NodeOptions::handshake_timeout bounds it too.
  Duration attempt_timeout = std::chrono::seconds(5);
  /// Calls made without a session fail with UNAVAILABLE at once, instead of waiting for one until
  /// their deadline. CallOptions::fail_fast() decides for a single call.
  bool fail_fast = false;
  /// UNAUTHENTICATED (the certificate is not the right one, or ours is not accepted),
  /// PERMISSION_DENIED, INVALID_ARGUMENT and FAILED_PRECONDITION end it for good; UNAUTHENTICATED
  /// does not where a resolver finds the peer, for anybody may have answered in its place. Set:
  /// dial on.
  bool retry_when_refused = false;
  /// Idempotent rpcs that a lost session cut off are sent again on the next one: on average this
  /// share of the calls made (0 to 1), and at most `retry_burst` more at once. Zero, zero: none.
  /// Calls that a server which shuts down refused, so that they were not executed, do not count.
  double retry_share = 0.1;
  std::uint32_t retry_burst = 10;
  /// Each change of state, from the ready queue. May close() it, call, dial, or destroy the node.
  /// What it throws is logged. The end of the node itself is not told: nothing runs any more that
  /// could tell it.
  std::function<void(const PersistentSession&, const ConnectionStatus&)> on_state_change;
};
static_assert(kSafeInAwait<ReconnectOptions>);

/// A handle: copies mean the same. The node keeps it going until close(), or until the node ends;
/// handles stay valid after that, and calls fail. One thread: the loop's.
class PersistentSession {
 public:
  explicit PersistentSession(std::shared_ptr<internal::PersistentState> state) noexcept
      : state_(std::move(state)) {}

  /// The generated client of service S, for this session and all that follow it. Calls go to the
  /// session of the moment; without one they wait for the next until their deadline, which for
  /// calls that have none may be for ever. What the loss of a session does to those under way:
  /// idempotent rpcs go out again (within their deadline and the retry budget), as do all rpcs that
  /// the server refused unseen because it was shutting down; subscriptions and
  /// streams go on when their method says so (`on_reconnect: RESUME`), everything else ends with
  /// UNAVAILABLE and was executed once or not at all.
  template <class S>
  typename S::Client client() const {
    return typename S::Client(channel());
  }
  Channel channel() const { return Channel(state_); }

  ConnectionStatus status() const;
  ConnectionState state() const { return status().state; }
  /// The session of the moment; none while there is none that takes calls. Its calls are not
  /// carried over.
  std::optional<Session> session() const;
  /// Waits until calls can go out: OK. Why it is over once it is, CANCELLED when the call does that
  /// this works for.
  Task<Status> wait_connected() const;
  /// kWaiting: dials now, for example because the network has come back. Otherwise nothing.
  void try_now();
  /// Ends it for good, with its session: calls under way and waiting end with UNAVAILABLE.
  void close(std::string reason = {});

  friend bool operator==(const PersistentSession&, const PersistentSession&) = default;

 private:
  std::shared_ptr<internal::PersistentState> state_;
};

}  // namespace echostream
