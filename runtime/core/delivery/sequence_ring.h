// Values by sequence number, of which only a short stretch is held at a time. Grows to what that
// needs and then allocates no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace echostream::core {

template <class T>
class SequenceRing {
 public:
  /// At most `most` values are held, a power of two.
  explicit SequenceRing(std::size_t most) : most_(most) {}

  /// Gives back what had to make room: a value at least `most` numbers away.
  std::optional<T> insert(std::uint64_t sequence, T value) {
    while (slots_.empty() || (slot(sequence).value && slots_.size() < most_)) grow();
    std::optional<T> before = std::exchange(slot(sequence).value, std::move(value));
    slot(sequence).sequence = sequence;
    return before;
  }
  std::optional<T> take(std::uint64_t sequence) {
    if (slots_.empty() || !slot(sequence).value || slot(sequence).sequence != sequence) {
      return std::nullopt;
    }
    return std::exchange(slot(sequence).value, std::nullopt);
  }
  /// The lowest number that is held.
  std::optional<std::uint64_t> first() const {
    std::optional<std::uint64_t> lowest;
    for (const Slot& held : slots_) {
      if (held.value && (!lowest || held.sequence < *lowest)) lowest = held.sequence;
    }
    return lowest;
  }

 private:
  struct Slot {
    std::uint64_t sequence = 0;
    std::optional<T> value;
  };
  Slot& slot(std::uint64_t sequence) { return slots_[sequence & (slots_.size() - 1)]; }
  // Twice as large: numbers that shared a place may part.
  void grow() {
    std::vector<Slot> before = std::exchange(slots_, {});
    slots_.resize(before.empty() ? 16 : before.size() * 2);
    for (Slot& old : before) {
      if (old.value) slot(old.sequence) = std::move(old);
    }
  }

  std::size_t most_;
  std::vector<Slot> slots_;
};

}  // namespace echostream::core
