#include "runtime/transport/crypto/received_numbers.h"

#include <algorithm>

namespace echostream::transport {
namespace {

// As many as ngtcp2 remembers. More: the lowest is forgotten.
constexpr std::size_t kMostGaps = 256;

}  // namespace

void ReceivedNumbers::insert(std::uint64_t number) {
  // Nearly always it is the last gap.
  const auto found = std::find_if(gaps_.rbegin(), gaps_.rend(),
                                  [number](const Gap& gap) { return gap.begin <= number; });
  if (found == gaps_.rend() || number >= found->end) return;
  ++count_;
  if (found->begin == number) {
    if (++found->begin == found->end) gaps_.erase(std::next(found).base());
    return;
  }
  const Gap above{number + 1, found->end};
  found->end = number;
  if (above.begin < above.end) gaps_.insert(found.base(), above);
  if (gaps_.size() > kMostGaps) gaps_.erase(gaps_.begin());
}

}  // namespace echostream::transport
