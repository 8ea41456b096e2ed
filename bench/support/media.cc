#include "bench/support/media.h"

#include <cstring>

namespace bench {
namespace {

constexpr std::size_t kLeastBytes = 160;
constexpr std::size_t kMostBytes = 1200;

// CLOCK_MONOTONIC: the same in every process, and in every network namespace.
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string MediaFrames::next() {
  // A linear congruential generator; its high bits are good enough for sizes.
  state_ = state_ * 1664525 + 1013904223;
  std::string frame(kLeastBytes + (state_ >> 8) % (kMostBytes - kLeastBytes + 1), 'm');
  const std::int64_t now = now_ns();
  std::memcpy(frame.data(), &now, sizeof now);
  return frame;
}

double frame_age_us(std::string_view frame) {
  std::int64_t sent = 0;
  if (frame.size() < sizeof sent) return -1;
  std::memcpy(&sent, frame.data(), sizeof sent);
  return 1e-3 * static_cast<double>(now_ns() - sent);
}

}  // namespace bench
