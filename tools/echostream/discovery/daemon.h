// Whether discovery works here at all.
#pragma once

#include <optional>

#include "echostream/base/task.h"
#include "echostream/base/wait.h"
#include "echostream/discovery/dns_sd.h"

namespace echostream::tool {

/// What the daemon's state is now: UNAVAILABLE says what to install or start.
inline Task<Status> daemon_status(discovery::DnsSd& dns_sd) {
  std::optional<Status> heard;
  WaitPoint changed;
  const auto watch = dns_sd.watch_status([&](const Status& status) {
    if (!heard) heard = status;
    changed.notify_all();
  });
  while (!heard) (void)co_await changed.wait();
  co_return *std::move(heard);
}

}  // namespace echostream::tool
