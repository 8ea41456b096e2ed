#include "tests/sim/piece_check.h"

#include <gtest/gtest.h>

namespace echostream::testing {

using namespace std::chrono_literals;

std::string pattern(std::int64_t number, std::size_t bytes) {
  std::string out = std::to_string(number) + ":";
  out.resize(bytes, static_cast<char>('a' + number % 26));
  return out;
}

Duration longest_path(const LinkOptions& link) {
  Duration path = link.delay + link.jitter;
  if (link.reorder > 0) path += link.reorder_by;
  if (link.rate_bits_per_s > 0) {
    const double bits = 8.0 * static_cast<double>(link.queue_bytes + 1500);
    path +=
        Duration(static_cast<std::int64_t>(bits * 1e9 / static_cast<double>(link.rate_bits_per_s)));
  }
  return path;
}

void PieceCheck::on_frame(const Frame<traffic::v1::Piece>& frame) {
  const std::int64_t number = frame.message.number();
  const auto gap = static_cast<std::int64_t>(frame.lost_before);
  EXPECT_EQ(number, received_ + lost_ + gap) << "out of order, twice, or a wrong gap";
  EXPECT_EQ(static_cast<std::int64_t>(frame.sequence), number);
  EXPECT_EQ(frame.message.payload(), pattern(number, frame.message.payload().size()));
  ++received_;
  lost_ += gap;
  const Duration age = sim_.elapsed() - Duration(frame.message.sent_ns());
  greatest_age_ = std::max(greatest_age_, age);
  if (delivery_ == Delivery::kReliable) {
    EXPECT_EQ(gap, 0);
    return;
  }
  // The clocks of the tests drift less than 1 ms within max_age.
  const Duration waited = receiver_.now() - frame.arrival_time;
  EXPECT_LE(age - waited, kMaxAge + path_ + 1ms)
      << "piece " << number << " arrived too old: " << (age - waited).count() << " ns";
  EXPECT_LE(waited, kMaxAge + 1ms) << "piece " << number << " was held back too long";
}

void PieceCheck::on_end(std::uint64_t lost_at_end) {
  lost_ += static_cast<std::int64_t>(lost_at_end);
  if (delivery_ == Delivery::kReliable) {
    EXPECT_EQ(lost_, 0);
  }
}

}  // namespace echostream::testing
