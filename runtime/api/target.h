// What is dialled: "host:port", or "scheme:name" of a resolver that was added to the node.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/base/wait.h"
#include "echostream/resolver.h"

#include "runtime/api/node_impl.h"

namespace echostream::internal {

struct Target {
  std::shared_ptr<Resolver> resolver;
  /// What stands behind the scheme; all of it for "host:port".
  std::string name;
  bool is_host = false;
};

/// Resolves "host:port" with the loop, which outlives it.
std::shared_ptr<Resolver> make_host_resolver(Loop& loop);

/// INVALID_ARGUMENT, or what the node or its resolver say, when nobody could ever dial it.
Result<Target> find_target(Node::Impl& node, const std::string& text);

/// What is found of a target, for one dial.
class Lookup {
 public:
  /// No more are dialled for one connect(): those that are found are hints of a network where
  /// anybody may be.
  static constexpr std::size_t kMostCandidates = 16;

  /// Notifies `changed`, which outlives it, when something was found, or nothing will be.
  Lookup(Target target, const Trust& trust, WaitPoint& changed);
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Found, and not dialled yet.
  std::deque<DialCandidate>& waiting() noexcept { return waiting_; }
  /// What was dialled is all there is. A complete lookup that found nobody goes on.
  bool is_over() const noexcept {
    return error_ || (found_ > 0 && is_complete_) || found_ == kMostCandidates;
  }
  /// Why it failed, if it did.
  const std::optional<Status>& error() const noexcept { return error_; }
  /// What to say when nothing was found in time.
  Status nothing_found() const;

 private:
  void take(Result<Resolution> result);

  const Target target_;
  WaitPoint& changed_;
  std::deque<DialCandidate> waiting_;
  std::size_t found_ = 0;
  bool is_complete_ = false;
  std::optional<Status> error_;
  std::unique_ptr<Pending> pending_;
};

}  // namespace echostream::internal
