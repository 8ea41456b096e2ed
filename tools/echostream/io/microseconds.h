// Times as files hold them: decimal microseconds, exact to the nanosecond.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/time.h"

namespace echostream::tool {

/// Stamps in files lie within this distance of zero (126 years), so that the difference of two of
/// them fits into a Duration.
inline constexpr Duration kFarthestStamp{4'000'000'000'000'000'000};

/// "1520", "-3.25"; digits after the third are rounded. None when it is not such a number or does
/// not fit into a Duration. No exponents: whoever writes 1.5e9 has lost the digits that count.
std::optional<Duration> parse_microseconds(std::string_view text);

/// With three digits after the point: "1520.000".
std::string to_microseconds(Duration time);
/// Without a fraction, rounded up: what is written is never before `time`.
std::string to_whole_microseconds(Duration time);

/// `value` with so many digits after the point: "3.14". "-0.0" is written as "0.0".
std::string fixed(double value, int digits);
double to_milliseconds(Duration time);

}  // namespace echostream::tool
