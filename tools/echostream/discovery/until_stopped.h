// Commands that run until they are done, or until somebody has seen enough.
#pragma once

#include <optional>
#include <utility>

#include "echostream/base/task_group.h"
#include "echostream/loop.h"

namespace echostream::tool {

/// Runs the task until it has ended, Ctrl-C (SIGINT) or SIGTERM comes, or `limit` is over: the last
/// two drop it, and give `stopped`.
inline Status run_until_stopped(Loop& loop, Task<Status> task,
                                std::optional<Duration> limit = std::nullopt,
                                Status stopped = Status::ok()) {
  bool is_over = false;
  const auto end = [&] {
    is_over = true;
    loop.stop();
  };
  auto signals = loop.watch_stop_signals([&](int) { end(); });
  if (!signals) return signals.error();
  Status status = std::move(stopped);
  TaskGroup group(loop);
  const auto run = [&](Task<Status> inner) -> Task<void> {
    status = co_await std::move(inner);
    end();
  };
  const auto wait = [&](Duration duration) -> Task<void> {
    co_await sleep_for(duration);
    end();
  };
  group.spawn(run(std::move(task)));
  if (limit) group.spawn(wait(*limit));
  while (!is_over) loop.run();
  return status;
}

}  // namespace echostream::tool
