// What a Pending of watch_stop_signals() and watch_fd() is.
#pragma once

#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/owned_callback.h"
#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

/// SIGINT and SIGTERM. The callback may destroy the watch.
class SignalWatch final : public Pending {
 public:
  static Result<std::unique_ptr<Pending>> open(uv_loop_t& loop, UniqueFunction<void(int)> callback);

 private:
  explicit SignalWatch(UniqueFunction<void(int)> callback) : callback_(std::move(callback)) {}
  int start(uv_loop_t& loop, UvHandle<uv_signal_t>& handle, int signal);

  OwnedCallback<int> callback_;
  UvHandle<uv_signal_t> interrupt_;
  UvHandle<uv_signal_t> terminate_;
};

/// A descriptor, level-triggered: calls back in every turn of the loop until what is ready (an
/// error counts as both) has been dealt with, or the watch destroyed, which the callback may do.
class FdWatch final : public Pending {
 public:
  static Result<std::unique_ptr<Pending>> open(uv_loop_t& loop, int fd, bool readable,
                                               bool writable, UniqueFunction<void()> callback);

 private:
  FdWatch(UniqueFd fd, int events, UniqueFunction<void()> callback)
      : fd_(std::move(fd)), events_(events), callback_(std::move(callback)) {}
  int start(uv_loop_t& loop);
  int poll();

  // A duplicate: libuv takes a descriptor once in a loop, and stumbles over one that is closed
  // while it is polled. The owner of the original may do both.
  UniqueFd fd_;
  int events_;
  OwnedCallback<> callback_;
  UvHandle<uv_poll_t> poll_;
};

}  // namespace echostream::internal
