// Runs a recorded stream through the runtime's jitter buffer, on a virtual clock.
#pragma once

#include <vector>

#include "echostream/base/result.h"
#include "echostream/jitter_buffer.h"

#include "tools/echostream/timing/decisions.h"
#include "tools/echostream/timing/trace.h"

namespace echostream::tool {

struct Replay {
  /// In the order of time; each frame is played or given up once.
  std::vector<Decision> decisions;
  JitterBufferStats stats;
};

/// The buffer sees a frame when it arrives and not before, and the stream's end with the last
/// arrival. An error is a mistake of the buffer's.
Result<Replay> replay(const Trace& trace, const JitterBufferOptions& options);

}  // namespace echostream::tool
