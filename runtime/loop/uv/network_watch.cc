#include "runtime/loop/uv/network_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <system_error>

#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {

Result<std::unique_ptr<Pending>> NetworkWatch::open(uv_loop_t& loop,
                                                    UniqueFunction<void()> callback) {
  std::unique_ptr<NetworkWatch> watch(new NetworkWatch(std::move(callback)));
  const int error = watch->start(loop);
  if (error == 0) return std::unique_ptr<Pending>(std::move(watch));
  return Status(StatusCode::kUnavailable, "the system does not tell of network changes: " +
                                              std::generic_category().message(-error));
}

int NetworkWatch::start(uv_loop_t& loop) {
  fd_ = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd_.is_open()) return -errno;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups =
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return -errno;
  }
  const int error =
      poll_.open(this, [&](uv_poll_t* raw) { return uv_poll_init(&loop, raw, fd_.get()); });
  if (error != 0) return error;
  const auto on_event = [](uv_poll_t* raw, int, int) {
    auto& self = *static_cast<NetworkWatch*>(raw->data);
    if (self.drain()) (void)self.callback_();
  };
  return uv_poll_start(poll_.get(), UV_READABLE, on_event);
}

// Takes all messages away; true when there were any. The kernel may also say that it lost some
// (ENOBUFS), which is as good as one. Bounded: what is left comes with the next turn of the loop.
bool NetworkWatch::drain() const {
  constexpr int kMostMessages = 1000;
  std::array<char, 8192> message;
  bool any = false;
  for (int i = 0; i < kMostMessages; ++i) {
    const ssize_t size = ::recv(fd_.get(), message.data(), message.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != ENOBUFS) break;
    any = true;
  }
  return any;
}

Result<SocketAddress> find_source_address(const SocketAddress& remote, const SocketAddress& from) {
  const int family = native_family(remote);
  const auto fail = [&](int error) {
    return Status(StatusCode::kUnavailable,
                  "no way to " + remote.to_string() +
                      (from.is_set() ? " from " + from.to_string() : std::string()) + ": " +
                      std::generic_category().message(error));
  };
  const UniqueFd probe(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return fail(errno);
  if (from.is_set()) {
    const auto native = to_native(from.with_port(0), family);
    if (!native) return fail(EAFNOSUPPORT);
    if (::bind(probe.get(), native->get(), native->size) != 0) return fail(errno);
  }
  // Connecting a UDP socket sends nothing; it makes the system choose a route.
  const auto native = to_native(remote, family);
  if (::connect(probe.get(), native->get(), native->size) != 0) return fail(errno);
  NativeAddress name;
  name.size = sizeof name.storage;
  if (::getsockname(probe.get(), name.get(), &name.size) != 0) return fail(errno);
  return from_native(name.get()).with_port(0);
}

}  // namespace echostream::internal
