#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "echostream/base/check.h"

namespace echostream::testing {
namespace {

bool is_free(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ECHOSTREAM_CHECK(fd >= 0, "opening a UDP socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return bound;
}

}  // namespace

std::uint16_t free_udp_port() {
  // Random: tests that run side by side seldom try the same one.
  std::random_device random;
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (is_free(port)) return port;
  }
  ECHOSTREAM_CHECK(false, "finding a free UDP port");
  return 0;
}

}  // namespace echostream::testing
