#include "runtime/loop/uv/uv_tcp_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <system_error>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {
namespace {

// What one read takes, and how many there are in one turn of the loop: others have their turn too.
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr int kMostReads = 8;

// A peer that has vanished is noticed after two minutes, also while nothing is said.
constexpr int kKeepAliveSeconds = 60;
constexpr int kKeepAliveInterval = 15;
constexpr int kKeepAliveProbes = 4;

// Improvements all of them: without one the connection works.
void set_improvements(int fd) {
  const auto set = [fd](int level, int name, int value) {
    (void)::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveInterval);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

SocketAddress name_of(int fd) {
  NativeAddress name;
  name.size = sizeof name.storage;
  return ::getsockname(fd, name.get(), &name.size) == 0 ? from_native(name.get()) : SocketAddress();
}

int error_of(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

bool is_only_not_now(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

UvTcpConnection::UvTcpConnection(UniqueFd fd, const SocketAddress& remote)
    : fd_(std::move(fd)), local_(name_of(fd_.get())), remote_(remote) {
  set_improvements(fd_.get());
}

std::unique_ptr<TcpConnection> UvTcpConnection::adopt(uv_loop_t& uv, UniqueFd fd,
                                                      const SocketAddress& remote) {
  std::unique_ptr<UvTcpConnection> made(new UvTcpConnection(std::move(fd), remote));
  const int error = made->poll_.open(
      made.get(), [&](uv_poll_t* poll) { return uv_poll_init(&uv, poll, made->fd_.get()); });
  if (error != 0) return nullptr;
  return made;
}

void UvTcpConnection::start(TcpHandler& handler) {
  handler_ = &handler;
  poll();
}

void UvTcpConnection::set_reading(bool on) {
  reads_ = on;
  poll();
}

// libuv is asked for what is of interest now, and for nothing twice. Nothing at all would hide from
// it that the connection is lost.
void UvTcpConnection::poll() {
  int wanted = 0;
  if (handler_ != nullptr) {
    if (!has_ended_ && (reads_ || !hung_up_)) wanted |= reads_ ? UV_READABLE : UV_DISCONNECT;
    if (waits_to_write_ || write_error_ != 0) wanted |= UV_WRITABLE;
  }
  if (wanted == std::exchange(polled_, wanted)) return;
  if (wanted == 0) {
    (void)uv_poll_stop(poll_.get());
    return;
  }
  const auto on_event = [](uv_poll_t* poll, int status, int events) {
    static_cast<UvTcpConnection*>(poll->data)->handle_events(status, events);
  };
  const int error = uv_poll_start(poll_.get(), wanted, on_event);
  ECHOSTREAM_CHECK(error == 0, "libuv does not poll an open socket");
}

void UvTcpConnection::handle_events(int status, int events) {
  if (status < 0) {
    // Libuv has stopped polling: the socket has an error to report, which reading brings up.
    polled_ = 0;
    events = UV_READABLE | UV_WRITABLE;
    hung_up_ = true;
    if (const int error = reads_ ? 0 : error_of(fd_.get()); error != 0) return fail(error);
  }
  if (write_error_ != 0) return fail(write_error_);
  if ((events & UV_DISCONNECT) != 0) hung_up_ = true;
  if ((events & UV_READABLE) != 0 && (reads_ || status < 0) && !has_ended_) read();
  if (handler_ != nullptr && (events & UV_WRITABLE) != 0 && waits_to_write_) {
    waits_to_write_ = false;
    handler_->handle_writable();
  }
  poll();
}

void UvTcpConnection::read() {
  std::array<std::uint8_t, kReadBytes> bytes;
  for (int turn = 0; turn < kMostReads && reads_ && handler_ != nullptr; ++turn) {
    const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (!is_only_not_now(errno)) fail(errno);
      return;
    }
    if (size == 0) {
      has_ended_ = true;
      return handler_->handle_end();
    }
    handler_->handle_bytes(BytesView(bytes).first(static_cast<std::size_t>(size)));
    if (static_cast<std::size_t>(size) < bytes.size()) return;  // there is no more
  }
}

void UvTcpConnection::fail(int error) {
  TcpHandler* handler = std::exchange(handler_, nullptr);
  poll();
  if (handler == nullptr) return;
  handler->handle_failed(
      Status(StatusCode::kUnavailable,
             "the TCP connection is lost: " + std::generic_category().message(error)));
}

std::size_t UvTcpConnection::write(BytesView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && write_error_ == 0 && !waits_to_write_) {
    const BytesView rest = bytes.subspan(taken);
    const ssize_t size = ::send(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size >= 0) {
      taken += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      waits_to_write_ = true;
    } else if (errno != EINTR) {
      write_error_ = errno;
    }
  }
  poll();
  return taken;
}

void UvTcpConnection::end_writing() { (void)::shutdown(fd_.get(), SHUT_WR); }

}  // namespace echostream::internal
