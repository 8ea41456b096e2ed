#include "bench/lossy_link/namespaces.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bench {
namespace {

constexpr const char* kDevice = "link0";
constexpr const char* kThisNamespace = "/proc/thread-self/ns/net";
// Packets that the kernel holds until they are read; its 500 would lose bursts beyond what --loss
// says.
constexpr int kQueuedPackets = 10'000;

bool failed(const char* what, std::string& why) {
  why = std::string(what) + ": " + std::strerror(errno);
  return false;
}

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  return request;
}

ifreq with_address(const char* text) {
  ifreq request = request_for(kDevice);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, text, &address.sin_addr);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  return request;
}

bool set_up(int socket, const char* device, std::string& why) {
  ifreq request = request_for(device);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(socket, SIOCSIFFLAGS, &request) == 0 || failed("cannot start a device", why);
}

bool configure(const char* address, std::string& why) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed("socket", why);
  ifreq own = with_address(address);
  ifreq mask = with_address("255.255.255.0");
  ifreq queue = request_for(kDevice);
  queue.ifr_qlen = kQueuedPackets;
  if (ioctl(socket.get(), SIOCSIFADDR, &own) != 0 ||
      ioctl(socket.get(), SIOCSIFNETMASK, &mask) != 0 ||
      ioctl(socket.get(), SIOCSIFTXQLEN, &queue) != 0) {
    return failed("cannot set the address of a TUN device", why);
  }
  return set_up(socket.get(), kDevice, why) && set_up(socket.get(), "lo", why);
}

bool open_tun(UniqueFd& tun, std::string& why) {
  tun = UniqueFd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (tun.get() < 0) return failed("cannot open /dev/net/tun", why);
  ifreq request = request_for(kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  return ioctl(tun.get(), TUNSETIFF, &request) == 0 || failed("cannot make a TUN device", why);
}

bool fill(const char* address, LinkEnd& end, std::string& why) {
  end.netns = UniqueFd(open(kThisNamespace, O_RDONLY | O_CLOEXEC));
  if (end.netns.get() < 0) return failed("cannot open the new namespace", why);
  return open_tun(end.tun, why) && configure(address, why);
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool make_link_end(const char* address, LinkEnd& end, std::string& why) {
  const UniqueFd before(open(kThisNamespace, O_RDONLY | O_CLOEXEC));
  if (before.get() < 0) return failed("cannot open this namespace", why);
  if (unshare(CLONE_NEWNET) != 0) return failed("cannot make a network namespace", why);
  const bool done = fill(address, end, why);
  if (setns(before.get(), CLONE_NEWNET) != 0) return failed("cannot leave the namespace", why);
  return done;
}

}  // namespace bench
