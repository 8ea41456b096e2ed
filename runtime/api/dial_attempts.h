// The handshakes of one connect(), side by side; those that are not kept are closed.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/resolver.h"

#include "runtime/api/node_impl.h"

namespace echostream::internal {

class DialAttempts {
 public:
  /// `node` outlives every call but the destructor's.
  DialAttempts(Node::Impl& node, const ConnectOptions& options) : node_(node), options_(options) {}
  ~DialAttempts();
  DialAttempts(const DialAttempts&) = delete;
  DialAttempts& operator=(const DialAttempts&) = delete;

  /// Dials one of those that wait: the first, but that for early data a server that was met before
  /// comes before all others. There must be one.
  void start_one_of(std::deque<DialCandidate>& waiting);

  /// The first session that can send early data, before any is connected.
  std::shared_ptr<SessionState> early();
  /// The first session that is connected, and let in.
  std::shared_ptr<SessionState> winner();
  /// One has completed its handshake, and its server has not decided whether to let us in.
  bool waits_for_peer() const;

  /// Looks which have failed; how many those are so far.
  std::size_t count_failures();
  /// None is under way, when count_failures() was called last.
  bool is_idle() const noexcept { return under_way_.empty(); }
  /// The most telling of the failures; OK without any.
  const Status& error() const noexcept { return error_; }
  /// It is about who the peer is, or who we are, and not that nobody answered.
  bool is_verdict() const noexcept;

  /// Notified when one of them gets on.
  WaitPoint& changed() noexcept { return changed_; }

 private:
  std::string ticket_key(const DialCandidate& candidate, const transport::TlsContext& tls) const;
  std::string take_ticket(const DialCandidate& candidate);
  Status dial(const DialCandidate& candidate, std::string ticket);
  void note_failure(const Status& status);

  Node::Impl& node_;
  const ConnectOptions options_;
  bool is_first_ = true;
  std::vector<std::shared_ptr<SessionState>> under_way_;
  std::shared_ptr<SessionState> kept_;
  std::size_t failures_ = 0;
  Status error_;
  WaitPoint changed_;
};

}  // namespace echostream::internal
