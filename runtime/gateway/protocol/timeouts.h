// How long a caller waits, as header fields say it: "connect-timeout-ms" and "grpc-timeout".
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace echostream::gateway {

/// The longest that is told and taken, about 115 days: what ten digits of milliseconds hold. Longer
/// ones are cut to it.
inline constexpr Duration kLongestTimeout = std::chrono::milliseconds(9'999'999'999);

/// 1 to 10 digits, not zero. INVALID_ARGUMENT.
Result<Duration> parse_connect_timeout(std::string_view value);
/// 1 to 8 digits and a unit (HMSmun). Zero, which clients send whose time is over, becomes the
/// shortest one that is none. INVALID_ARGUMENT.
Result<Duration> parse_grpc_timeout(std::string_view value);

/// Rounded up; at least the shortest that can be said. `timeout` is above zero.
std::string to_connect_timeout(Duration timeout);
std::string to_grpc_timeout(Duration timeout);

}  // namespace echostream::gateway
