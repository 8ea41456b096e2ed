// The system calls of a UDP socket that can fail while it works: the seam where tests put errors
// that a healthy machine does not give. Every call returns its result, or the negative errno.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

namespace echostream::internal {

class SocketCalls {
 public:
  virtual ~SocketCalls() = default;
  /// A non-blocking UDP socket of `family`.
  virtual int open(int family) = 0;
  virtual int set_option(int fd, int level, int name, int value) = 0;
  virtual ssize_t send(int fd, const msghdr& message) = 0;
  virtual int send_many(int fd, mmsghdr* messages, unsigned count) = 0;
  virtual int receive_many(int fd, mmsghdr* messages, unsigned count) = 0;
};

class SystemSocketCalls : public SocketCalls {
 public:
  int open(int family) override;
  int set_option(int fd, int level, int name, int value) override;
  ssize_t send(int fd, const msghdr& message) override;
  int send_many(int fd, mmsghdr* messages, unsigned count) override;
  int receive_many(int fd, mmsghdr* messages, unsigned count) override;
};

}  // namespace echostream::internal
