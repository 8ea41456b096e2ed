#include "tools/echostream/io/microseconds.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace echostream::tool {

namespace {

constexpr int kDigitsBelowMicrosecond = 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Nanoseconds, as a magnitude: that of the most negative Duration is one more than the greatest.
class Magnitude {
 public:
  // False when it grows too large.
  bool push(char digit) {
    const auto value = static_cast<std::uint64_t>(digit - '0');
    if (nanoseconds_ > (kMost - value) / 10) return false;
    nanoseconds_ = nanoseconds_ * 10 + value;
    return true;
  }
  bool round_up() { return nanoseconds_++ < kMost; }
  std::optional<Duration> signed_by(bool is_negative) const {
    if (is_negative) return Duration(static_cast<Duration::rep>(std::uint64_t{0} - nanoseconds_));
    if (nanoseconds_ == kMost) return std::nullopt;
    return Duration(static_cast<Duration::rep>(nanoseconds_));
  }

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 63;
  std::uint64_t nanoseconds_ = 0;
};

}  // namespace

std::optional<Duration> parse_microseconds(std::string_view text) {
  const bool is_negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);

  Magnitude magnitude;
  std::size_t digits = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (!magnitude.push(text.front())) return std::nullopt;
    text.remove_prefix(1);
    ++digits;
  }
  if (!text.empty() && text.front() == '.') text.remove_prefix(1);
  for (int i = 0; i < kDigitsBelowMicrosecond; ++i) {
    char digit = '0';
    if (!text.empty() && is_digit(text.front())) {
      digit = text.front();
      text.remove_prefix(1);
      ++digits;
    }
    if (!magnitude.push(digit)) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  if (!text.empty() && text.front() >= '5' && text.front() <= '9' && !magnitude.round_up()) {
    return std::nullopt;
  }
  while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  if (!text.empty()) return std::nullopt;
  return magnitude.signed_by(is_negative);
}

std::string to_microseconds(Duration time) {
  // As a magnitude, since the most negative one has no positive counterpart.
  const bool is_negative = time < Duration::zero();
  const auto bits = static_cast<std::uint64_t>(time.count());
  const std::uint64_t magnitude = is_negative ? std::uint64_t{0} - bits : bits;
  std::string fraction = std::to_string(magnitude % 1000);
  fraction.insert(0, kDigitsBelowMicrosecond - fraction.size(), '0');
  return (is_negative ? "-" : "") + std::to_string(magnitude / 1000) + "." + fraction;
}

std::string to_whole_microseconds(Duration time) {
  const Duration::rep whole = time.count() / 1000;  // towards zero
  return std::to_string(time.count() % 1000 > 0 ? whole + 1 : whole);
}

std::string fixed(double value, int digits) {
  constexpr double kHalf = 0.5;
  if (std::abs(value) < kHalf * std::pow(10.0, -digits)) value = 0;
  // The longest double has 309 digits before its point.
  char text[512];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double to_milliseconds(Duration time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace echostream::tool
