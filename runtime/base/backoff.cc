#include "echostream/base/backoff.h"

#include <cmath>

namespace echostream {

Duration Backoff::next(std::uint64_t random) noexcept {
  // 53 bits: all that a double holds, so that the share stays below 1.
  const double share = std::ldexp(static_cast<double>(random >> 11), -53);
  const double bound = static_cast<double>(bound_.count());
  const Duration pause(static_cast<Duration::rep>(bound * share));
  // Compared as doubles, so that what does not fit is never converted back.
  const double grown = bound * multiplier_;
  bound_ = grown >= static_cast<double>(most_.count())
               ? most_
               : Duration(static_cast<Duration::rep>(grown));
  return pause;
}

}  // namespace echostream
