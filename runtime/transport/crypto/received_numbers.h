// Which packet numbers of a peer have come, so that a packet of its is told from a copy that
// somebody else sends again. ngtcp2 knows it too, but does not tell before version 1.16.
#pragma once

#include <cstdint>
#include <vector>

namespace echostream::transport {

class ReceivedNumbers {
 public:
  ReceivedNumbers() : gaps_{{0, UINT64_MAX}} {}
  /// Of a packet that could be opened. Numbers below the oldest of so many gaps that are remembered
  /// pass for known, as they do with ngtcp2.
  void insert(std::uint64_t number);
  /// How many numbers were new.
  std::uint64_t count() const noexcept { return count_; }

 private:
  /// Numbers that have not come, [begin, end).
  struct Gap {
    std::uint64_t begin;
    std::uint64_t end;
  };
  std::vector<Gap> gaps_;  // ascending; the last has no end
  std::uint64_t count_ = 0;
};

}  // namespace echostream::transport
