// What is right and wrong in a RetryPolicy, and what an attempt's end says about the next one.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "echostream/base/backoff.h"
#include "echostream/metadata.h"
#include "echostream/plugins/retry.h"

namespace echostream::retry {

inline constexpr char kAttemptKey[] = "echostream-attempt";
inline constexpr char kRetryAfterKey[] = "retry-after-ms";
/// A server that wants more is not waited for: whoever made the call knows better what to do.
inline constexpr Duration kMostRetryAfter = std::chrono::minutes(1);

Status check(const RetryOptions& options);

/// What a server may say beside a failure: come again then, or (negative, unreadable, too long) not
/// at all.
struct Pushback {
  bool may_retry = true;
  /// None: it did not say.
  std::optional<Duration> after;
};
Pushback parse_pushback(const Metadata& trailing);

/// How an attempt failed.
struct Attempt {
  std::uint32_t number = 1;
  StatusCode code = StatusCode::kUnknown;
  /// Its own time was up, and that of the call was not.
  bool timed_out = false;
  Pushback pushback;
  LocalTime now{};
  LocalTime deadline = kNever;
};
enum class Verdict : std::uint8_t {
  kFinal,  // a failure that does not pass
  kAgain,
  kTooManyAttempts,
  kNoBudget,
  kNoTime,
  kRefused,
};
struct Decision {
  Verdict verdict = Verdict::kFinal;
  /// kAgain only.
  LocalTime at{};
};
Decision decide(const RetryPolicy& policy, const Attempt& attempt, Backoff& backoff,
                RetryBudget& budget, std::uint64_t random);

}  // namespace echostream::retry
