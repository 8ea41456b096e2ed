// Writes to a UDP socket: runs of datagrams in one system call (UDP_SEGMENT, else sendmmsg, else
// one by one), and says what became of them. Never waits and never spins: when the system takes no
// more, its owner watches the socket, or a timer, and then calls resume().
#pragma once

#include <cstdint>
#include <vector>

#include "echostream/loop.h"

#include "runtime/loop/uv/socket_calls.h"

namespace echostream::internal {

class OutgoingMessage;

class UdpSender {
 public:
  /// What must happen before resume().
  enum class Wait : std::uint8_t { kNone, kWritable, kTimer };

  UdpSender(SocketCalls& calls, int fd, int family);

  /// As UdpSocket::send(). When the system takes only the first datagrams of a run, the rest is
  /// kept here and the run counts as sent: offering all of it again would send the first ones
  /// twice. Until the rest is out, send() says kBlocked.
  UdpSocket::SendResult send(const OutgoingDatagrams& datagrams);

  /// After what wait() says: sends what was kept. True when the socket takes datagrams again and a
  /// send() was refused meanwhile.
  bool resume();

  Wait wait() const noexcept { return wait_; }
  /// For Wait::kTimer.
  Duration retry_delay() const noexcept { return retry_delay_; }

 private:
  // How far a run got, and why it went no further.
  struct Outcome {
    std::size_t sent = 0;  // bytes
    UdpSocket::SendResult result = UdpSocket::SendResult::kSent;
  };
  // One system call: bytes of the datagrams it took, or a negative errno.
  using Taken = std::int64_t;

  Outcome transmit(const OutgoingDatagrams& datagrams);
  Taken send_some(OutgoingMessage& message, BytesView data, std::size_t segment_size);
  Taken send_joined(OutgoingMessage& message, BytesView data, std::size_t segment_size);
  Taken send_many(OutgoingMessage& message, BytesView data, std::size_t segment_size);
  Taken send_one(OutgoingMessage& message, BytesView data, std::size_t segment_size);
  UdpSocket::SendResult give_up(int error, bool& retried);
  UdpSocket::SendResult out_of_buffers();
  void keep(const OutgoingDatagrams& datagrams, std::size_t sent);

  SocketCalls& calls_;
  int fd_;
  int family_;
  bool can_join_;         // UDP_SEGMENT
  bool can_many_ = true;  // sendmmsg
  bool owner_waits_ = false;
  Wait wait_ = Wait::kNone;
  int times_out_of_buffers_ = 0;
  Duration retry_delay_{};
  OutgoingDatagrams kept_;  // its data lies in kept_bytes_
  std::vector<std::uint8_t> kept_bytes_;
};

}  // namespace echostream::internal
