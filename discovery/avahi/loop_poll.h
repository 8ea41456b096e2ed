// What avahi's client library asks of an event loop (avahi-common/watch.h), on ours.
#pragma once

#include <avahi-common/watch.h>

#include <cstddef>

#include "echostream/loop.h"

namespace echostream::discovery {

/// An AvahiPoll for what runs on the thread of `loop`, which must outlive it; it must outlive all
/// watches and timeouts made from it. Callbacks come from the loop, never from inside a call, and
/// may free or change anything. Errors and hang-ups are reported to every watch that is for reading
/// or writing, as poll(2) does: that is how D-Bus sees a closed bus.
///
/// Timeouts are times of day, which gettimeofday(2) and Loop::wall_time() tell alike. They are made
/// times of the loop's own clock when they are set, so that setting the date does not move them.
class LoopPoll {
 public:
  explicit LoopPoll(Loop& loop);
  ~LoopPoll();
  LoopPoll(const LoopPoll&) = delete;
  LoopPoll& operator=(const LoopPoll&) = delete;

  const AvahiPoll* get() const { return &api_; }
  std::size_t watches() const { return watches_; }
  std::size_t timeouts() const { return timeouts_; }

 private:
  class Watch;
  class Timeout;

  Loop& loop_;
  AvahiPoll api_{};
  std::size_t watches_ = 0;
  std::size_t timeouts_ = 0;
};

}  // namespace echostream::discovery
