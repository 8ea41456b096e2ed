// Remembers which tickets were used, so that early data is acted upon once (RFC 8446 section 8.1,
// "single-use tickets", within the time window of section 8.3). For several threads.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>

#include "echostream/base/time.h"

namespace echostream::transport {

class StrikeRegister {
 public:
  /// Random and authenticated, so that nobody can choose them.
  using TicketId = std::array<std::uint8_t, 12>;

  struct Options {
    /// How long a use is remembered. BoringSSL refuses early data whose ticket's age is off by more
    /// than 60 seconds either way, so that a copy is good for at most 120 seconds.
    Duration window = std::chrono::seconds(180);
    /// Uses that can be remembered; about 5 MB. Beyond that nobody's early data is taken, until the
    /// oldest can be forgotten.
    std::size_t most = 65536;
  };

  StrikeRegister() : StrikeRegister(Options()) {}
  explicit StrikeRegister(const Options& options) : options_(options) {}

  /// True for the first use within the window: early data may be taken. False for every other, and
  /// while the register is full.
  bool use(WallTime now, const TicketId& id);
  std::size_t size() const;

 private:
  struct Use {
    WallTime forget_at;
    TicketId id;
  };
  const Options options_;
  mutable std::mutex mutex_;
  std::deque<Use> uses_;  // in the order in which they came
  std::set<TicketId> known_;
};

}  // namespace echostream::transport
