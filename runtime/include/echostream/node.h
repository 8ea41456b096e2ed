// A node: one endpoint of the user's program. It listens, dials, or both, and serves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/task_group.h"
#include "echostream/limits.h"
#include "echostream/loop.h"
#include "echostream/security.h"
#include "echostream/service.h"
#include "echostream/session.h"

namespace echostream {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class CongestionControl : std::uint8_t { kNewReno, kCubic, kBbr };

/// Everything has a default; a node that only dials needs `trust`, one that listens needs
/// `identity`.
class NodeOptions {
 public:
  NodeOptions() {}

  /// Who this node is. Required to listen.
  std::optional<Identity> identity;
  /// Whom to believe when dialling. Required to dial.
  std::optional<Trust> trust;
  /// Set: clients must show a certificate that this trusts (mutual TLS).
  std::optional<Trust> client_trust;

  Limits limits;
  Duration handshake_timeout = std::chrono::seconds(10);
  /// A session on which nothing arrives for that long is closed.
  Duration idle_timeout = std::chrono::seconds(30);
  /// A PING after that long without traffic; zero sends none.
  Duration keep_alive_interval = std::chrono::seconds(10);
  std::size_t max_sessions = 10'000;
  /// Calls that a peer may have open at once.
  std::uint64_t max_concurrent_calls = 1024;
  CongestionControl congestion_control = CongestionControl::kCubic;

  /// Gets each log line; unset: warnings and errors go to stderr. Called on the loop's thread.
  std::function<void(LogLevel, std::string_view)> log;
  /// A session was established, dialled or accepted.
  std::function<void(const Session&)> on_session;
  /// It ended, and why.
  std::function<void(const Session&, const Status&)> on_session_closed;
};
static_assert(kSafeInAwait<NodeOptions>);

/// Lives on one loop's thread, which must outlive it. Destroying it closes its sessions and
/// destroys its handlers where they wait; shutdown() is the polite way.
class Node {
 public:
  explicit Node(Loop& loop, NodeOptions options = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Serves a generated Handler to all sessions, present and future. ALREADY_EXISTS when the
  /// service, or a method with the same id, is served already.
  Status serve(std::shared_ptr<Service> service);

  /// Accepts sessions on "host:port" (a numeric address; "[::]:0" takes IPv4 too and any free
  /// port). Returns the bound address. FAILED_PRECONDITION without an identity, UNAVAILABLE when
  /// the system refuses.
  Result<SocketAddress> listen(std::string_view address);
  /// Dials "host:port", waits for the handshake and the check of the peer's certificate.
  /// UNAVAILABLE, UNAUTHENTICATED, DEADLINE_EXCEEDED, with the reason.
  Task<Result<Session>> connect(std::string target);

  std::vector<Session> sessions() const;
  /// No new calls or sessions; calls under way, of both ends, may end until `grace` has passed;
  /// then everything closes. Subscriptions are not waited for. A handler that awaits it waits for
  /// itself.
  Task<void> shutdown(Duration grace);

  Loop& loop() const;
  /// For tasks of the program that should end with the node.
  TaskGroup& tasks();

  struct Impl;
  Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream
