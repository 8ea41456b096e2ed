// Network namespaces whose only way out is a TUN device that this process reads and writes. Linux;
// needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
#pragma once

#include <string>

namespace bench {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  ~UniqueFd();
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

/// One end of a link: packets of the programs in `netns` are read from `tun`, and what is written
/// there reaches them.
struct LinkEnd {
  UniqueFd tun;
  UniqueFd netns;
};

/// A new namespace with that IPv4 address in a network of 24 bits, and an MTU of 1500. False, and
/// what failed, when the system refuses. Leaves the calling thread in the namespace it was in.
bool make_link_end(const char* address, LinkEnd& end, std::string& why);

}  // namespace bench
