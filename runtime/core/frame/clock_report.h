// CLOCK_REPORT, docs/protocol.md 4.3: what nodes that share a clock tell each other about it.
#pragma once

#include <cstddef>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/core/frame/byte_writer.h"
#include "runtime/timing/node_clock.h"

namespace echostream::core {

/// More edges than that are not written, and not taken.
inline constexpr std::size_t kMaxReportedEdges = 64;

Result<timing::NodeClockReport> parse_clock_report(BytesView payload);
void write_clock_report(ByteWriter& out, const timing::NodeClockReport& report);

}  // namespace echostream::core
