#include "runtime/loop/uv/socket_calls.h"

#include <errno.h>
#include <netinet/in.h>

namespace echostream::internal {
namespace {

template <class Number>
Number result_or_error(Number result) noexcept {
  return result < 0 ? static_cast<Number>(-errno) : result;
}

}  // namespace

int SystemSocketCalls::open(int family) {
  return result_or_error(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
}

int SystemSocketCalls::set_option(int fd, int level, int name, int value) {
  return result_or_error(::setsockopt(fd, level, name, &value, sizeof value));
}

ssize_t SystemSocketCalls::send(int fd, const msghdr& message) {
  return result_or_error(::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int SystemSocketCalls::send_many(int fd, mmsghdr* messages, unsigned count) {
  return result_or_error(::sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int SystemSocketCalls::receive_many(int fd, mmsghdr* messages, unsigned count) {
  return result_or_error(::recvmmsg(fd, messages, count, MSG_DONTWAIT, nullptr));
}

}  // namespace echostream::internal
