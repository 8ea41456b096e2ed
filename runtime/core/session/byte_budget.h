// What one peer makes us hold in all, however it spreads that over calls and streams.
#pragma once

#include <cstddef>

namespace echostream::core {

class ByteBudget {
 public:
  explicit ByteBudget(std::size_t most) noexcept : most_(most) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  void set_most(std::size_t most) noexcept { most_ = most; }
  std::size_t held() const noexcept { return held_; }
  std::size_t most() const noexcept { return most_; }
  bool is_exceeded() const noexcept { return held_ > most_; }
  bool has_room_for(std::size_t bytes) const noexcept {
    return held_ <= most_ && bytes <= most_ - held_;
  }

 private:
  friend class ByteShare;
  std::size_t most_;
  std::size_t held_ = 0;
};

/// One holder's part of the budget, given back when it goes away.
class ByteShare {
 public:
  explicit ByteShare(ByteBudget& budget) noexcept : budget_(budget) {}
  ~ByteShare() { set(0); }
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;

  void set(std::size_t bytes) noexcept {
    budget_.held_ = budget_.held_ - bytes_ + bytes;
    bytes_ = bytes;
  }
  std::size_t bytes() const noexcept { return bytes_; }
  const ByteBudget& budget() const noexcept { return budget_; }

 private:
  ByteBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace echostream::core
