// The buckets of one rule, by whom they are for.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "runtime/plugins/rate_limit/token_bucket.h"

namespace echostream::rate_limit {

/// At most so many. A full bucket is as good as none, so those are forgotten when room is needed,
/// the ones used longest ago first. When none is found full, newcomers share one bucket: who floods
/// the table with names gets less by it, not more. An ordered map: keys are chosen by peers, and a
/// hash would let them choose collisions.
class BucketTable {
 public:
  explicit BucketTable(std::size_t most) : most_(most) {}

  struct Found {
    /// Until the next call.
    TokenBucket& bucket;
    bool is_shared;
  };
  Found find(std::string_view key, LocalTime now);
  std::size_t size() const { return entries_.size(); }

 private:
  // How many are looked at to find a full one.
  static constexpr int kLooks = 8;
  struct Entry;
  using Entries = std::map<std::string, Entry, std::less<>>;
  struct Entry {
    TokenBucket bucket;
    std::list<Entries::iterator>::iterator use;
  };
  bool make_room(LocalTime now);

  std::size_t most_;
  Entries entries_;
  std::list<Entries::iterator> by_use_;  // used last first
  TokenBucket shared_;
};

}  // namespace echostream::rate_limit
