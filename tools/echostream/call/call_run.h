// One call, of whatever kind its method is, with JSON going in and coming out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/loop.h"

#include "tools/echostream/call/message_source.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

struct CallRun {
  Loop& loop;
  Remote& remote;
  const Schema& schema;
  const SchemaMethod& method;
  CallOptions options;
  MessageSource source;
  /// Each message that comes; false: enough of them.
  std::function<bool(const Frame<Buffer>&)> on_message;
  /// The stream is open, and as long as the call lasts.
  std::function<void(RemoteStream&)> on_open;
};

struct CallOutcome {
  /// What was given was wrong, before or while the call ran.
  Status usage;
  /// How the call ended.
  Status status;
};

/// Runs it to its end.
Task<CallOutcome> run_call(CallRun& run);

}  // namespace echostream::tool
