#include "runtime/plugins/rate_limit/bucket_table.h"

namespace echostream::rate_limit {

BucketTable::Found BucketTable::find(std::string_view key, LocalTime now) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second.use);
    return {found->second.bucket, false};
  }
  if (entries_.size() >= most_ && !make_room(now)) return {shared_, true};
  const auto added = entries_.emplace(std::string(key), Entry{}).first;
  by_use_.push_front(added);
  added->second.use = by_use_.begin();
  return {added->second.bucket, false};
}

bool BucketTable::make_room(LocalTime now) {
  for (int look = 0; look < kLooks; ++look) {
    const auto last = std::prev(by_use_.end());
    if ((*last)->second.bucket.is_full(now)) {
      entries_.erase(*last);
      by_use_.erase(last);
      return true;
    }
    // The next one to look at is another.
    by_use_.splice(by_use_.begin(), by_use_, last);
  }
  return false;
}

}  // namespace echostream::rate_limit
