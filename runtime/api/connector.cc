#include "runtime/api/connector.h"

#include <algorithm>
#include <utility>

#include "echostream/base/printable.h"

#include "runtime/api/dial_attempts.h"
#include "runtime/api/target.h"

namespace echostream::internal {
namespace {

// RFC 8305 section 5: the time until the next address is tried as well.
constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);

// Why there is no session when the time is up. So many attempts have failed, and had failed before:
// what fails at that very moment has run out of time as well.
Status too_late(const DialAttempts& attempts, const Lookup& lookup, std::size_t failed,
                std::size_t failed_before) {
  if (attempts.waits_for_peer()) {
    return {StatusCode::kDeadlineExceeded,
            "the peer did not say in time whether it takes the session"};
  }
  // What somebody said is more telling than that others say nothing.
  if (attempts.is_verdict()) return attempts.error();
  if (attempts.is_idle() && failed_before > 0) return attempts.error();
  if (attempts.is_idle() && failed == 0) return lookup.nothing_found();
  return {StatusCode::kDeadlineExceeded, "no answer to the handshake"};
}

// Tries what the lookup finds, until one is connected. Only with `alive` is the node there.
Task<Result<Session>> try_all(Node::Impl& node, std::weak_ptr<const bool> alive, Target target,
                              ConnectOptions options, LocalTime deadline) {
  DialAttempts attempts(node, options);
  Lookup lookup(std::move(target), *node.context.options.trust, attempts.changed());
  LocalTime next_dial = node.loop.now();
  std::size_t failures = 0;
  for (;;) {
    if (auto session = attempts.winner()) co_return Session(std::move(session));
    const LocalTime now = node.loop.now();
    const std::size_t failed = attempts.count_failures();
    if (now >= deadline) co_return too_late(attempts, lookup, failed, failures);
    // One that fails leaves its turn to the next.
    if (std::exchange(failures, failed) != failed) next_dial = now;
    const bool may_dial = !lookup.waiting().empty() && !attempts.waits_for_peer();
    if (may_dial && now >= next_dial) {
      attempts.start_one_of(lookup.waiting());
      next_dial = now + kAttemptDelay;
      if (auto session = attempts.early()) co_return Session(std::move(session));
      continue;
    }
    if (attempts.is_idle() && !may_dial) {
      if (lookup.is_over() && !attempts.error().is_ok()) co_return attempts.error();
      if (lookup.error()) co_return *lookup.error();
    }
    const LocalTime until = may_dial ? std::min(deadline, next_dial) : deadline;
    const WaitResult result = co_await attempts.changed().wait(until);
    if (alive.expired()) co_return Status(StatusCode::kUnavailable, "the node was destroyed");
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
}

// `alive` is the node's: a task may be awaited for the first time when the node is gone.
Task<Result<Session>> dial(Node::Impl& node, std::weak_ptr<const bool> alive, std::string target,
                           ConnectOptions options, Duration timeout) {
  const Status destroyed(StatusCode::kUnavailable, "the node was destroyed");
  // A program may have made the target of what a neighbour sent.
  const std::string context = "connect to " + printable(target);
  if (alive.expired()) co_return destroyed.with_context(context);
  if (node.shutting_down) {
    co_return Status(StatusCode::kUnavailable, "this node is shutting down");
  }
  if (!node.plugins.is_running()) {
    Status started = co_await node.plugins.wait_started();
    if (!started.is_ok()) co_return started.with_context("connect");
    if (alive.expired()) co_return destroyed.with_context(context);
  }
  auto found = find_target(node, target);
  if (!found) co_return found.error().with_context("connect");
  // Nothing is sent to a peer that plugins have not looked at.
  if (node.plugins.checks_sessions()) options.early_data = false;
  const LocalTime deadline = deadline_after(node.loop.now(), timeout);
  Task<Result<Session>> trying = try_all(node, alive, *std::move(found), options, deadline);
  Result<Session> session = co_await std::move(trying);
  if (!session) co_return session.error().with_context(context);
  co_return session;
}

}  // namespace

Task<Result<Session>> connect(Node::Impl& node, std::string target, ConnectOptions options,
                              Duration timeout) {
  return dial(node, node.alive, std::move(target), options, timeout);
}

}  // namespace echostream::internal
