#include "fixed_playout.h"

#include <utility>

namespace intercom {

using echostream::LocalTime;
using echostream::RemoteTime;

namespace {

// 10 s of voice. A working peer is never that far ahead, and a broken one must not fill our memory.
constexpr std::uint64_t kMostAhead = 500;

}  // namespace

LocalTime on_shared_clock(RemoteTime stamp) { return LocalTime(stamp.time_since_epoch()); }

bool FixedPlayout::add(std::uint64_t sequence, LocalTime captured_at, std::string frame) {
  if (!next_captured_at_) {
    next_ = sequence;
    next_captured_at_ = captured_at;
  }
  if (sequence < next_ || sequence - next_ > kMostAhead) return false;
  return waiting_.emplace(sequence, std::move(frame)).second;
}

std::optional<LocalTime> FixedPlayout::next_time() const {
  if (!next_captured_at_) return std::nullopt;
  return *next_captured_at_ + delay_;
}

std::optional<std::string> FixedPlayout::take_next() {
  std::optional<std::string> frame;
  if (auto node = waiting_.extract(next_)) frame = std::move(node.mapped());
  ++next_;
  *next_captured_at_ += kFrameLength;
  return frame;
}

}  // namespace intercom
