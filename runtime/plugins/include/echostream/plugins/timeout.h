// Deadlines for calls that have none, and bounds for handlers and streams, from one place.
// docs/plugins/timeout.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/plugin.h"

namespace echostream {

/// Times for some methods. Zero: no such bound. What is over its time ends with DEADLINE_EXCEEDED.
class TimeoutRule {
 public:
  TimeoutRule() {}

  /// "acme.v1.Robot/Grip", "acme.v1.Robot/*", "acme.v1.*" or "*".
  std::vector<std::string> methods{"*"};
  /// Calling side, rpcs and one-way events: the deadline of those for which neither the .proto nor
  /// CallOptions says one. It also bounds calls that a handler makes, which inherit that of the
  /// call they are made for.
  Duration default_timeout{};
  /// Serving side, rpcs: how long a handler may take, whatever the caller allows. The caller is
  /// answered at that time, and the handler is cancelled.
  Duration handler_timeout{};
  /// Streams, on both sides: how long there may be no message, in either direction, that this
  /// program reads or writes. A reader that stops to read counts as idle too.
  Duration idle_timeout{};
  /// Streams, on both sides: how long one may take altogether.
  Duration max_duration{};
};
static_assert(kSafeInAwait<TimeoutRule>);

class TimeoutOptions {
 public:
  TimeoutOptions() {}
  /// A method goes by the first rule that names it.
  std::vector<TimeoutRule> rules;
};
static_assert(kSafeInAwait<TimeoutOptions>);

/// INVALID_ARGUMENT, with what is allowed, for options out of their range.
Result<std::shared_ptr<Plugin>> make_timeout_plugin(TimeoutOptions options);

}  // namespace echostream
