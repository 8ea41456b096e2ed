// Frames of EXPIRING and DATAGRAM streams that overtook the request of the call they belong to.
#pragma once

#include <optional>
#include <vector>

#include "echostream/limits.h"

#include "runtime/base/stream_id.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/session/byte_budget.h"

namespace echostream::core {

class OrphanFrames {
 public:
  struct Frame {
    FrameHeader header;
    Buffer message;
    LocalTime arrived_at{};
    /// Set for a datagram, whose message may be a fragment.
    std::optional<DatagramHeader> datagram = std::nullopt;
  };

  OrphanFrames(const Limits& limits, ByteBudget& budget) : limits_(limits), held_(budget) {}

  /// Keeps the frame; when there is no room, the oldest are dropped for it.
  void add(StreamId call, Frame frame);
  /// The oldest frame of the call.
  std::optional<Frame> take(StreamId call);
  /// Drops the frames of a call that will not come.
  void drop(StreamId call);
  void clear();
  std::size_t size() const noexcept { return orphans_.size(); }

 private:
  struct Orphan {
    StreamId call;
    Frame frame;
  };
  void drop_oldest();

  const Limits& limits_;
  ByteShare held_;
  std::vector<Orphan> orphans_;  // oldest first
};

}  // namespace echostream::core
