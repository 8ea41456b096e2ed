// The plugin rate_limit: how much a peer may ask for, and how much this node asks of others.
// docs/plugins/rate_limit.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/plugin.h"

namespace echostream {

/// One limit. A call passes when all rules that name its method let it.
class RateRule {
 public:
  RateRule() {}
  RateRule(std::vector<std::string> which, double rate, double most_at_once)
      : methods(std::move(which)), per_second(rate), burst(most_at_once) {}

  /// "acme.v1.Robot/Grip", "acme.v1.Robot/*", "acme.v1.*" or "*".
  std::vector<std::string> methods = {"*"};
  enum class Side : std::uint8_t {
    kServer,  // calls that others make to this node
    kCaller,  // calls that this node makes
  };
  Side side = Side::kServer;
  enum class What : std::uint8_t {
    kCalls,     // rpcs, events, streams and subscriptions that begin
    kMessages,  // messages that the caller sends: requests, events, frames of streams
    kBytes,     // the bytes of these messages, encoded
  };
  What what = What::kCalls;
  /// On average: a millionth to 10^9. And at once, after a pause: 1 to 10^9.
  double per_second = 10;
  double burst = 10;
  enum class Per : std::uint8_t {
    kPeerAddress,  // IPv4: each address; IPv6: each /64, which is what one customer gets
    kPrincipal,    // who the caller has proved to be (auth_token), else as kPeerAddress
    kSession,
    kNode,  // all together
  };
  Per per = Per::kPeerAddress;
  /// Each method has a limit of its own; off: one for all that `methods` names, together.
  bool each_method = true;
  /// What is too much waits that long for its turn, and is refused with RESOURCE_EXHAUSTED when
  /// that would not do. Zero refuses at once. kCalls only; at most a minute.
  Duration max_wait{};
  /// How many may wait at once, all peers together. More are refused.
  std::size_t max_waiting = 1000;
};
static_assert(kSafeInAwait<RateRule>);

class RateLimitOptions {
 public:
  RateLimitOptions() {}

  std::vector<RateRule> rules;
  /// Limits that one rule keeps at the same time, one for each peer and method: about 250 bytes
  /// each. When there would be more, one that is not in use is forgotten; if all seem to be, the
  /// newcomer shares one limit with the others of its kind. 16 to 10,000,000.
  std::size_t max_entries = 65'536;
};
static_assert(kSafeInAwait<RateLimitOptions>);

/// How often limits were reached, since the plugin was made.
struct RateLimitStats {
  std::uint64_t passed = 0;
  /// Among those that passed.
  std::uint64_t waited = 0;
  std::uint64_t refused = 0;
  /// How often somebody had to share the one limit of those who are too many.
  std::uint64_t crowded = 0;
  std::size_t entries = 0;
  std::size_t waiting = 0;
};

/// Refused calls end with RESOURCE_EXHAUSTED; their trailing metadata says in `retry-after-ms` when
/// another try would pass.
class RateLimitPlugin : public Plugin {
 public:
  /// One thread: the node's loop.
  virtual RateLimitStats stats() const = 0;
};

/// For one node; in a NodePool each thread's plugin counts by itself. INVALID_ARGUMENT says which
/// rule is wrong.
Result<std::shared_ptr<RateLimitPlugin>> make_rate_limit_plugin(RateLimitOptions options);

}  // namespace echostream
