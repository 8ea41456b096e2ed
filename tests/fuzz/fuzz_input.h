// An input of a fuzz target, read from the front. What is not there reads as nothing, so that every
// beginning of an input is one too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::testing {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  BytesView rest() const { return rest_; }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint16_t number() {
    const std::uint16_t high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  /// As many as the next byte says.
  BytesView bytes() {
    const std::size_t wanted = byte();  // before the rest is measured
    const std::size_t count = std::min(wanted, rest_.size());
    const BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  BytesView rest_;
};

/// Changes a copy of something good: the input is a list of edits.
///   x <place:2> <mask>            flips bits          o <place:2> <bytes>   writes over
///   i <place:2> <bytes>           inserts             d <place:2> <count>   deletes
///   c <place:2>                   cuts
/// Anything else ends the list. Places are taken modulo the size.
inline void apply_edits(std::vector<std::uint8_t>& bytes, FuzzInput& edits) {
  constexpr std::size_t kMost = 65'536;
  while (!edits.empty() && bytes.size() < kMost) {
    const std::uint8_t command = edits.byte();
    if (command != 'x' && command != 'o' && command != 'i' && command != 'd' && command != 'c') {
      return;
    }
    const std::size_t at = edits.number() % (bytes.size() + 1);
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t behind = bytes.size() - at;
    if (command == 'c') {
      bytes.resize(at);
    } else if (command == 'x') {
      const std::uint8_t mask = edits.byte();
      if (behind > 0) *place ^= mask;
    } else if (command == 'd') {
      const std::size_t count = std::min<std::size_t>(edits.byte(), behind);
      bytes.erase(place, place + static_cast<std::ptrdiff_t>(count));
    } else {
      const BytesView text = edits.bytes();
      if (command == 'i') {
        bytes.insert(place, text.begin(), text.end());
      } else {
        std::copy_n(text.begin(), std::min(text.size(), behind), place);
      }
    }
  }
}

}  // namespace echostream::testing
