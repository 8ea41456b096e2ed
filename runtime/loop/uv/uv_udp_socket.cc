#include "runtime/loop/uv/uv_udp_socket.h"

#include <errno.h>
#include <netinet/in.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/loop/uv/native_address.h"
#include "runtime/loop/uv/socket_errors.h"

namespace echostream::internal {
namespace {

Status cannot_open(const SocketAddress& address, int error) {
  return cannot_open_socket("UDP", address, error);
}

int clamp_to_int(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

void set_options(SocketCalls& calls, int fd, int family, const UdpOptions& options) {
  // The system gives smaller buffers than asked for without an error.
  (void)calls.set_option(fd, SOL_SOCKET, SO_RCVBUF, clamp_to_int(options.receive_buffer_bytes));
  (void)calls.set_option(fd, SOL_SOCKET, SO_SNDBUF, clamp_to_int(options.send_buffer_bytes));
  // QUIC finds the path's MTU itself: never fragment, and heed no ICMP that anybody could forge.
  (void)calls.set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (family == AF_INET6) {
    (void)calls.set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  }
  enable_receive_options(calls, fd, family);
}

struct BoundSocket {
  UniqueFd fd;
  SocketAddress local;
};

Result<BoundSocket> bind_socket(SocketCalls& calls, int raw_fd, const SocketAddress& bind_to,
                                const UdpOptions& options) {
  BoundSocket bound{UniqueFd(raw_fd), {}};
  const int family = native_family(bind_to);
  // What bind() depends on must hold; all other options are improvements.
  int error = 0;
  if (family == AF_INET6) error = calls.set_option(raw_fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (error == 0 && options.reuse_port) {
    error = calls.set_option(raw_fd, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (error != 0) return cannot_open(bind_to, -error);
  const std::optional<NativeAddress> native = to_native(bind_to, family);
  if (::bind(raw_fd, native->get(), native->size) != 0) return cannot_open(bind_to, errno);
  NativeAddress name;
  name.size = sizeof name.storage;
  if (::getsockname(raw_fd, name.get(), &name.size) != 0) return cannot_open(bind_to, errno);
  bound.local = from_native(name.get());
  return bound;
}

}  // namespace

Result<std::unique_ptr<UdpSocket>> UvUdpSocket::open(const UdpContext& context,
                                                     const UdpOptions& options,
                                                     UdpHandler& handler) {
  SocketAddress bind_to = options.bind_to;
  if (!bind_to.is_set()) {
    return Status(StatusCode::kInvalidArgument,
                  "UdpOptions::bind_to is not set; use [::]:0 for any address and port");
  }
  int fd = context.calls.open(native_family(bind_to));
  if (fd == -EAFNOSUPPORT && native_family(bind_to) == AF_INET6 && bind_to.is_any()) {
    // A kernel without IPv6: "every address of this machine" are its IPv4 ones.
    bind_to = SocketAddress::ipv4({0, 0, 0, 0}, bind_to.port());
    fd = context.calls.open(AF_INET);
  }
  if (fd < 0) return cannot_open(bind_to, -fd);
  auto bound = bind_socket(context.calls, fd, bind_to, options);
  if (!bound) return std::move(bound).error();
  const int family = native_family(bind_to);
  set_options(context.calls, fd, family, options);
  std::unique_ptr<UvUdpSocket> socket(
      new UvUdpSocket(context, std::move(bound->fd), family, bound->local, handler));
  Status started = socket->start();
  if (!started.is_ok()) return started;
  return std::unique_ptr<UdpSocket>(std::move(socket));
}

UvUdpSocket::UvUdpSocket(const UdpContext& context, UniqueFd fd, int family,
                         const SocketAddress& local, UdpHandler& handler)
    : context_(context),
      handler_(handler),
      local_(local),
      fd_(std::move(fd)),
      sender_(context.calls, fd_.get(), family) {}

Status UvUdpSocket::start() {
  const int error = poll_.open(
      this, [this](uv_poll_t* poll) { return uv_poll_init(&context_.uv, poll, fd_.get()); });
  if (error != 0) return cannot_open(local_, -error);
  poll(false);
  return Status::ok();
}

void UvUdpSocket::poll(bool writable) {
  polls_writable_ = writable;
  const auto on_event = [](uv_poll_t* poll, int status, int events) {
    static_cast<UvUdpSocket*>(poll->data)->handle_events(status, events);
  };
  const int error =
      uv_poll_start(poll_.get(), UV_READABLE | (writable ? UV_WRITABLE : 0), on_event);
  ECHOSTREAM_CHECK(error == 0, "libuv does not poll an open socket");
}

void UvUdpSocket::handle_events(int status, int events) {
  if (status < 0) {
    // The socket has an error to report (POLLERR), and libuv has stopped polling. Reading it takes
    // it away; it is about an earlier datagram, and QUIC finds losses itself.
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    poll(polls_writable_);
    events = UV_READABLE | UV_WRITABLE;
  }
  if ((events & UV_READABLE) != 0) {
    receive_datagrams(context_.calls, fd_.get(), local_, context_.buffers, handler_);
  }
  const bool waits = sender_.wait() == UdpSender::Wait::kWritable;
  if (waits && (events & UV_WRITABLE) != 0) resume_sending();
}

void UvUdpSocket::resume_sending() {
  const bool tell = sender_.resume();
  watch_what_blocks();
  if (tell) handler_.handle_writable();
}

UdpSocket::SendResult UvUdpSocket::send(const OutgoingDatagrams& datagrams) {
  const SendResult result = sender_.send(datagrams);
  if (sender_.wait() != UdpSender::Wait::kNone) watch_what_blocks();
  return result;
}

void UvUdpSocket::watch_what_blocks() {
  const UdpSender::Wait wait = sender_.wait();
  const bool writable = wait == UdpSender::Wait::kWritable;
  if (writable != polls_writable_) poll(writable);
  if (wait == UdpSender::Wait::kTimer && !retry_.is_armed()) {
    context_.executor.arm(retry_, context_.executor.now() + sender_.retry_delay());
  }
}

}  // namespace echostream::internal
