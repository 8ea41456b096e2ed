#include "runtime/loop/uv/uv_tcp_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <utility>

#include "runtime/loop/uv/native_address.h"
#include "runtime/loop/uv/socket_errors.h"
#include "runtime/loop/uv/uv_tcp_connection.h"

namespace echostream::internal {
namespace {

// Connections that wait to be accepted; the system may allow fewer.
constexpr int kBacklog = 1024;
// Accepted in one turn of the loop: others have their turn too.
constexpr int kMostInATurn = 64;
// Without descriptors or memory there is nothing to accept with: until some are given back.
constexpr Duration kPause = std::chrono::milliseconds(100);

int set(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

// 0, or the errno.
int bind_and_listen(int fd, int family, const TcpOptions& options) {
  // A server that starts again finds its port free, whatever connections of the last run linger.
  int error = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && family == AF_INET6) error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (error == 0 && options.reuse_port) error = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (error != 0) return error;
  const std::optional<NativeAddress> native = to_native(options.bind_to, family);
  if (::bind(fd, native->get(), native->size) != 0) return errno;
  return ::listen(fd, kBacklog) == 0 ? 0 : errno;
}

}  // namespace

Result<std::unique_ptr<TcpListener>> UvTcpListener::open(uv_loop_t& uv, Executor& executor,
                                                         const TcpOptions& options, Accept accept) {
  if (!options.bind_to.is_set()) {
    return Status(StatusCode::kInvalidArgument,
                  "TcpOptions::bind_to is not set; use [::]:0 for any address and port");
  }
  TcpOptions chosen = options;
  const auto open_socket = [&] {
    return UniqueFd(::socket(native_family(chosen.bind_to),
                             SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  };
  UniqueFd fd = open_socket();
  if (!fd.is_open() && errno == EAFNOSUPPORT && chosen.bind_to.is_any()) {
    // As with UDP: a kernel without IPv6.
    chosen.bind_to = SocketAddress::ipv4({0, 0, 0, 0}, chosen.bind_to.port());
    fd = open_socket();
  }
  if (!fd.is_open()) return cannot_open_socket("TCP", chosen.bind_to, errno);
  int error = bind_and_listen(fd.get(), native_family(chosen.bind_to), chosen);
  if (error != 0) return cannot_open_socket("TCP", chosen.bind_to, error);
  std::unique_ptr<UvTcpListener> listener(
      new UvTcpListener(uv, executor, std::move(fd), std::move(accept)));
  error = listener->start();
  if (error != 0) return cannot_open_socket("TCP", chosen.bind_to, -error);
  return std::unique_ptr<TcpListener>(std::move(listener));
}

// 0, or a negative error of libuv's.
int UvTcpListener::start() {
  NativeAddress name;
  name.size = sizeof name.storage;
  if (::getsockname(fd_.get(), name.get(), &name.size) != 0) return -errno;
  local_ = from_native(name.get());
  const int error =
      poll_.open(this, [this](uv_poll_t* poll) { return uv_poll_init(&uv_, poll, fd_.get()); });
  return error != 0 ? error : poll();
}

int UvTcpListener::poll() {
  const auto on_event = [](uv_poll_t* poll, int status, int) {
    auto& self = *static_cast<UvTcpListener*>(poll->data);
    self.accept_all();
    // After an error libuv has stopped polling.
    if (status < 0 && !self.is_armed()) (void)self.poll();
  };
  return uv_poll_start(poll_.get(), UV_READABLE, on_event);
}

void UvTcpListener::accept_all() {
  for (int i = 0; i < kMostInATurn; ++i) {
    NativeAddress from;
    from.size = sizeof from.storage;
    UniqueFd fd(::accept4(fd_.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.is_open()) {
      auto connection = UvTcpConnection::adopt(uv_, std::move(fd), from_native(from.get()));
      if (connection != nullptr) accept_(std::move(connection));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      (void)uv_poll_stop(poll_.get());
      executor_.arm(*this, executor_.now() + kPause);
      return;
    }
    // Anything else is the fate of one connection (accept(2)): the next one.
  }
}

void UvTcpListener::on_timer(LocalTime) { (void)poll(); }

}  // namespace echostream::internal
