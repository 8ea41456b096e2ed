#include "runtime/gateway/protocol/timeouts.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

struct TimeoutUnit {
  char letter;
  std::int64_t nanoseconds;
};

// The finest first.
constexpr std::array<TimeoutUnit, 6> kTimeoutUnits = {{
    {'n', 1},
    {'u', 1'000},
    {'m', 1'000'000},
    {'S', 1'000'000'000},
    {'M', 60'000'000'000},
    {'H', 3'600'000'000'000},
}};

std::int64_t divided_up(std::int64_t number, std::int64_t by) {
  return number / by + (number % by != 0 ? 1 : 0);
}

Duration told(Duration timeout) { return std::clamp(timeout, Duration(1), kLongestTimeout); }

}  // namespace

Result<Duration> parse_connect_timeout(std::string_view value) {
  const long long milliseconds = parse_digits(value, 10);
  if (milliseconds <= 0) {
    return Status(StatusCode::kInvalidArgument,
                  "connect-timeout-ms takes a number above zero of at most 10 digits");
  }
  return Duration(std::chrono::milliseconds(milliseconds));
}

Result<Duration> parse_grpc_timeout(std::string_view value) {
  const Status bad(StatusCode::kInvalidArgument,
                   "grpc-timeout takes at most 8 digits and a unit: H, M, S, m, u or n");
  if (value.empty()) return bad;
  const long long count = parse_digits(value.substr(0, value.size() - 1), 8);
  const auto unit =
      std::find_if(kTimeoutUnits.begin(), kTimeoutUnits.end(),
                   [&](const TimeoutUnit& one) { return one.letter == value.back(); });
  if (count < 0 || unit == kTimeoutUnits.end()) return bad;
  // 99,999,999 hours are more than a Duration holds.
  if (count > kLongestTimeout.count() / unit->nanoseconds) return kLongestTimeout;
  return told(Duration(count * unit->nanoseconds));
}

std::string to_connect_timeout(Duration timeout) {
  return std::to_string(divided_up(told(timeout).count(), 1'000'000));
}

std::string to_grpc_timeout(Duration timeout) {
  constexpr std::int64_t kMostDigits = 99'999'999;
  for (const TimeoutUnit& unit : kTimeoutUnits) {
    const std::int64_t count = divided_up(told(timeout).count(), unit.nanoseconds);
    if (count <= kMostDigits) return std::to_string(count) + unit.letter;
  }
  return "99999999H";  // never: the longest has seven digits of seconds
}

}  // namespace echostream::gateway
