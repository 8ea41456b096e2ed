#include "runtime/loop/uv/watches.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include <string>
#include <system_error>

namespace echostream::internal {

Result<std::unique_ptr<Pending>> SignalWatch::open(uv_loop_t& loop,
                                                   UniqueFunction<void(int)> callback) {
  std::unique_ptr<SignalWatch> watch(new SignalWatch(std::move(callback)));
  int error = watch->start(loop, watch->interrupt_, SIGINT);
  if (error == 0) error = watch->start(loop, watch->terminate_, SIGTERM);
  if (error != 0) {
    return Status(StatusCode::kUnavailable,
                  "cannot watch for stop signals: " + std::generic_category().message(-error));
  }
  return std::unique_ptr<Pending>(std::move(watch));
}

int SignalWatch::start(uv_loop_t& loop, UvHandle<uv_signal_t>& handle, int signal) {
  const int error = handle.open(this, [&](uv_signal_t* raw) { return uv_signal_init(&loop, raw); });
  if (error != 0) return error;
  const auto on_signal = [](uv_signal_t* raw, int number) {
    (void)static_cast<SignalWatch*>(raw->data)->callback_(number);
  };
  return uv_signal_start(handle.get(), on_signal, signal);
}

Result<std::unique_ptr<Pending>> FdWatch::open(uv_loop_t& loop, int fd, bool readable,
                                               bool writable, UniqueFunction<void()> callback) {
  const std::string what = "cannot watch file descriptor " + std::to_string(fd);
  const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (events == 0) {
    return Status(StatusCode::kInvalidArgument,
                  what + ": say whether to watch it for reading or for writing");
  }
  UniqueFd duplicate(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  int error = duplicate.is_open() ? 0 : -errno;
  std::unique_ptr<FdWatch> watch;
  if (error == 0) {
    watch.reset(new FdWatch(std::move(duplicate), events, std::move(callback)));
    error = watch->start(loop);
  }
  if (error == 0) return std::unique_ptr<Pending>(std::move(watch));
  const bool is_out_of_fds = error == -EMFILE || error == -ENFILE;
  std::string why = std::generic_category().message(-error);
  // What epoll says of a plain file.
  if (error == -EPERM) why = "it is a plain file, which is always ready";
  return Status(is_out_of_fds ? StatusCode::kUnavailable : StatusCode::kInvalidArgument,
                what + ": " + why);
}

int FdWatch::start(uv_loop_t& loop) {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  const int error =
      poll_.open(this, [&](uv_poll_t* raw) { return uv_poll_init(&loop, raw, fd_.get()); });
  if (error != 0) return error;
  // libuv makes it non-blocking, for its owner too. Polling does not need that: give it back.
  if (flags >= 0) (void)::fcntl(fd_.get(), F_SETFL, flags);
  return poll();
}

int FdWatch::poll() {
  const auto on_event = [](uv_poll_t* raw, int status, int) {
    auto& self = *static_cast<FdWatch*>(raw->data);
    // After an error (POLLERR) libuv has stopped polling. The owner learns of it when it reads or
    // writes.
    if (self.callback_() && status < 0) (void)self.poll();
  };
  return uv_poll_start(poll_.get(), events_, on_event);
}

}  // namespace echostream::internal
