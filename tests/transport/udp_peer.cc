#include "tests/transport/udp_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "echostream/base/check.h"

#include "runtime/transport/socket_path.h"
#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

using transport::from_native;
using transport::NativeAddress;

// A non-blocking socket on 127.0.0.1 and a port of the system's choice.
int open_socket(SocketAddress& address) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ECHOSTREAM_CHECK(fd >= 0, "opening a UDP socket");
  const NativeAddress wanted(SocketAddress::ipv4({127, 0, 0, 1}, 0));
  ECHOSTREAM_CHECK(bind(fd, wanted.get().addr, wanted.get().addrlen) == 0,
                   "binding to the loopback");
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  ECHOSTREAM_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0,
                   "asking for the port");
  address = from_native({reinterpret_cast<sockaddr*>(&bound), size});
  return fd;
}

}  // namespace

UdpPeer::UdpPeer(QuicEndpoint::Options options) {
  fd_ = open_socket(host_.address);
  host_.public_address = host_.address;
  options.fill_random = [source =
                             std::make_shared<Random>(host_.address.port(), 1)](MutableBytes out) {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(source->next());
  };
  options.wall_time = [] { return kCertificateTestTime; };
  host_.endpoint = transport::make_quic_endpoint(std::move(options), host_);
}

UdpPeer::~UdpPeer() { close(fd_); }

LocalTime UdpPeer::now() const {
  return LocalTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

bool UdpPeer::run_until(const std::function<bool()>& done, Duration limit) {
  const LocalTime end = now() + limit;
  for (;;) {
    send();
    if (done()) {
      send();
      return true;
    }
    const LocalTime time = now();
    if (time >= end) return false;
    // At least every 20 ms, to look at `done`.
    const LocalTime wake = std::min(
        {end, host_.endpoint->next_deadline(), time + Duration(std::chrono::milliseconds(20))});
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - time);
    pollfd entry{fd_, POLLIN, 0};
    poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
    receive();
    if (host_.endpoint->next_deadline() <= now()) host_.endpoint->handle_timeout(now());
  }
}

void UdpPeer::send() {
  while (const auto transmit = host_.endpoint->poll_transmit(now())) {
    const NativeAddress remote(transmit->remote);
    for (BytesView rest = transmit->data; !rest.empty();) {
      const BytesView one = rest.first(std::min(rest.size(), transmit->segment_size));
      rest = rest.subspan(one.size());
      // What the system does not take is lost like any other datagram.
      (void)sendto(fd_, one.data(), one.size(), 0, remote.get().addr, remote.get().addrlen);
    }
  }
}

void UdpPeer::receive() {
  std::array<std::uint8_t, 65536> buffer;
  for (int i = 0; i < 64; ++i) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t bytes =
        recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (bytes < 0) return;
    host_.endpoint->handle_datagram(
        now(), {host_.address, from_native({reinterpret_cast<sockaddr*>(&from), size}), 0,
                BytesView(buffer).first(static_cast<std::size_t>(bytes))});
  }
}

}  // namespace echostream::testing
