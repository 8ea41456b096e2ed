// The frames that wait for their turn, by sequence number, and what became of those before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace echostream::timing {

struct WaitingFrame {
  std::uint64_t sequence = 0;
  double capture = 0;  // microseconds since the first frame's
  double arrived = 0;  // microseconds since the first frame's
};

/// A window of `size` sequence numbers from next() on. Allocated once.
class FrameRing {
 public:
  enum class Past : std::uint8_t { kUnknown, kHandled, kMissed };

  explicit FrameRing(std::size_t size) : slots_(size < 2 ? 2 : size) {}

  std::size_t size() const noexcept { return slots_.size(); }
  std::uint64_t next() const noexcept { return next_; }
  bool is_empty() const noexcept { return waiting_ == 0; }

  /// Begins (again) at `sequence`; nothing before it has had its turn, and what waits fits.
  void set_next(std::uint64_t sequence) { next_ = sequence; }
  /// Whether `sequence` lies in the window.
  bool fits(std::uint64_t sequence) const { return sequence - next_ < slots_.size(); }
  /// In the window, and not there yet.
  void put(const WaitingFrame& frame);

  /// The frame if it waits, else null.
  const WaitingFrame* find(std::uint64_t sequence) const;
  /// The first frame that waits behind `sequence`, which is not before next(); else null.
  const WaitingFrame* first_after(std::uint64_t sequence) const;

  /// next() has had its turn; whether it was missing is remembered for as long as it fits.
  void pass();
  /// Moves the window, dropping what waits before `sequence`: how many frames that were.
  std::size_t pass_until(std::uint64_t sequence);

  /// What became of a frame before next().
  Past past(std::uint64_t sequence) const;
  void set_handled(std::uint64_t sequence);

 private:
  enum class State : std::uint8_t { kEmpty, kWaiting, kHandled, kMissed };
  struct Slot {
    WaitingFrame frame;
    State state = State::kEmpty;
  };

  Slot& slot(std::uint64_t sequence) { return slots_[sequence % slots_.size()]; }
  const Slot& slot(std::uint64_t sequence) const { return slots_[sequence % slots_.size()]; }

  std::vector<Slot> slots_;
  std::uint64_t next_ = 0;
  std::uint64_t highest_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace echostream::timing
