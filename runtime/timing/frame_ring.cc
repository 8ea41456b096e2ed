#include "runtime/timing/frame_ring.h"

#include <algorithm>

namespace echostream::timing {

void FrameRing::put(const WaitingFrame& frame) {
  slot(frame.sequence) = {frame, State::kWaiting};
  highest_ = waiting_ == 0 ? frame.sequence : std::max(highest_, frame.sequence);
  ++waiting_;
}

const WaitingFrame* FrameRing::find(std::uint64_t sequence) const {
  const Slot& found = slot(sequence);
  return found.state == State::kWaiting && found.frame.sequence == sequence ? &found.frame
                                                                            : nullptr;
}

const WaitingFrame* FrameRing::first_after(std::uint64_t sequence) const {
  if (waiting_ == 0) return nullptr;
  for (; sequence < highest_; ++sequence) {
    if (const WaitingFrame* found = find(sequence + 1)) return found;
  }
  return nullptr;
}

void FrameRing::pass() {
  Slot& passed = slot(next_);
  if (find(next_) != nullptr) {
    passed.state = State::kHandled;
    --waiting_;
  } else {
    passed = {{next_, 0, 0}, State::kMissed};
  }
  ++next_;
}

std::size_t FrameRing::pass_until(std::uint64_t sequence) {
  std::size_t dropped = 0;
  const std::uint64_t in_window = std::min<std::uint64_t>(sequence - next_, slots_.size());
  for (std::uint64_t i = 0; i < in_window; ++i) {
    if (find(next_ + i) == nullptr) continue;
    slot(next_ + i).state = State::kHandled;
    ++dropped;
  }
  waiting_ -= dropped;
  next_ = sequence;
  return dropped;
}

FrameRing::Past FrameRing::past(std::uint64_t sequence) const {
  const Slot& found = slot(sequence);
  if (found.frame.sequence != sequence) return Past::kUnknown;
  if (found.state == State::kHandled) return Past::kHandled;
  return found.state == State::kMissed ? Past::kMissed : Past::kUnknown;
}

void FrameRing::set_handled(std::uint64_t sequence) { slot(sequence).state = State::kHandled; }

}  // namespace echostream::timing
