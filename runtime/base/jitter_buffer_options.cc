#include <string>

#include "echostream/jitter_buffer.h"

namespace echostream {
namespace {

constexpr Duration kMostDelay = std::chrono::seconds(10);

Status out_of_range(const char* field, const char* range) {
  return {StatusCode::kInvalidArgument,
          std::string("jitter buffer: ") + field + " must be " + range};
}

}  // namespace

Status check(const JitterBufferOptions& options) {
  const auto is_delay = [](Duration delay) {
    return delay >= Duration::zero() && delay <= kMostDelay;
  };
  if (!is_delay(options.min_delay)) return out_of_range("min_delay", "between 0 and 10 s");
  if (!is_delay(options.max_delay)) return out_of_range("max_delay", "between 0 and 10 s");
  if (!is_delay(options.initial_delay)) return out_of_range("initial_delay", "between 0 and 10 s");
  if (!is_delay(options.max_skew)) return out_of_range("max_skew", "between 0 and 10 s");
  if (options.max_delay > Duration::zero() && options.min_delay > options.max_delay) {
    return out_of_range("min_delay", "at most max_delay");
  }
  if (options.max_delay > Duration::zero() && options.initial_delay > options.max_delay) {
    return out_of_range("initial_delay", "at most max_delay");
  }
  if (options.profile > PlayoutProfile::kStrict) return out_of_range("profile", "one of its names");
  if (options.late_policy > LatePolicy::kWait) {
    return out_of_range("late_policy", "one of its names");
  }
  // Written so that a NaN fails too.
  if (!(options.max_late_share >= 0 && options.max_late_share < 1)) {
    return out_of_range("max_late_share", "at least 0 and below 1");
  }
  if (!(options.max_stretch >= 0 && options.max_stretch <= 0.5)) {
    return out_of_range("max_stretch", "between 0 and 0.5");
  }
  return Status::ok();
}

}  // namespace echostream
