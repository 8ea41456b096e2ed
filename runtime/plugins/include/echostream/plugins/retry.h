// Makes idempotent rpcs again that failed for a reason which passes. docs/plugins/retry.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/plugin.h"

namespace echostream {

/// How calls of some methods are made again. Only rpcs that their .proto marks `idempotent` are.
class RetryPolicy {
 public:
  RetryPolicy() {}

  /// "acme.v1.Robot/Look", "acme.v1.Robot/*", "acme.v1.*" or "*". One that names a single method
  /// which is not idempotent is an error; others leave such methods out.
  std::vector<std::string> methods{"*"};
  /// With the first. 2 to 10.
  std::uint32_t max_attempts = 3;
  /// Which failures pass. RESOURCE_EXHAUSTED only where the server says when to come again
  /// (`retry-after-ms` in its trailing metadata): a message that is too large stays too large.
  std::vector<StatusCode> codes{StatusCode::kUnavailable, StatusCode::kResourceExhausted};
  /// Before the n-th retry a random time below min(max_backoff, initial_backoff * multiplier^(n-1))
  /// is waited. Positive; initial_backoff at most max_backoff; multiplier 1 to 100.
  Duration initial_backoff = std::chrono::milliseconds(50);
  Duration max_backoff = std::chrono::seconds(2);
  double multiplier = 2;
  /// An attempt that takes longer is given up, and counts as one that failed for a reason which
  /// passes. The deadline of the call holds for all attempts together. Zero: an attempt may take
  /// all the time that is left.
  Duration attempt_timeout{};
  /// Over all calls under this policy, on average that share of them is made again (0 to 1), and at
  /// most `retry_burst` more at once: a server that is down for all is not met with more load.
  double retry_share = 0.1;
  std::uint32_t retry_burst = 10;
};
static_assert(kSafeInAwait<RetryPolicy>);

class RetryOptions {
 public:
  RetryOptions() {}
  /// A method goes by the first that names it, and is not made again when none does.
  std::vector<RetryPolicy> policies{RetryPolicy()};
};
static_assert(kSafeInAwait<RetryOptions>);

struct RetryStats {
  /// Calls under a policy, and attempts beyond their first ones.
  std::uint64_t calls = 0;
  std::uint64_t retries = 0;
  /// Calls that a retry saved.
  std::uint64_t recovered = 0;
  /// Calls that failed though their failure passes, because: there were max_attempts, the budget
  /// was used up, the deadline would have come first, the server or the end of the session said
  /// that it makes no sense.
  std::uint64_t stopped_by_attempts = 0;
  std::uint64_t stopped_by_budget = 0;
  std::uint64_t stopped_by_deadline = 0;
  std::uint64_t stopped_by_peer = 0;
};

/// Attempts after the first carry `echostream-attempt` in their metadata: 2, 3, ...
class RetryPlugin : public Plugin {
 public:
  virtual RetryStats stats() const = 0;
};

/// INVALID_ARGUMENT, with what is allowed, for options out of their range.
Result<std::shared_ptr<RetryPlugin>> make_retry_plugin(RetryOptions options = {});

}  // namespace echostream
