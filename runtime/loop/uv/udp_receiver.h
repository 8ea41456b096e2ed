// Reads a UDP socket: many datagrams in one system call, those that the kernel joined (UDP_GRO)
// taken apart again, with what the control messages say of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "echostream/loop.h"

#include "runtime/loop/uv/clocks.h"
#include "runtime/loop/uv/socket_calls.h"

namespace echostream::internal {

/// Where datagrams are received into. One for all sockets of a loop: a batch is handled before the
/// next one is read.
class ReceiveBuffers {
 public:
  static constexpr unsigned kMessages = 16;
  /// The largest UDP payload, and the most that UDP_GRO joins.
  static constexpr std::size_t kMessageBytes = 65536;

  ReceiveBuffers();
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

  /// Makes the headers fit for the next call, which overwrites them.
  mmsghdr* prepare() noexcept;
  const mmsghdr& message(unsigned index) const noexcept { return messages_[index]; }
  BytesView bytes(unsigned index) const noexcept {
    return {data_.get() + index * kMessageBytes, messages_[index].msg_len};
  }

 private:
  // Five control messages of at most 40 bytes.
  struct alignas(cmsghdr) Control {
    std::array<std::byte, 256> bytes;
  };
  std::unique_ptr<std::uint8_t[]> data_;
  std::array<mmsghdr, kMessages> messages_{};
  std::array<iovec, kMessages> vectors_{};
  std::array<sockaddr_storage, kMessages> names_{};
  std::array<Control, kMessages> controls_{};
};

/// Asks the kernel for the control messages that receive_datagrams() reads. What an old kernel does
/// not have is done without.
void enable_receive_options(SocketCalls& calls, int fd, int family);

/// Hands over what waits in the socket, and then says handle_batch_end() if there was anything. At
/// most some 256 datagrams: other sockets, timers and tasks want their turn.
void receive_datagrams(SocketCalls& calls, int fd, const SocketAddress& bound,
                       ReceiveBuffers& buffers, UdpHandler& handler);

}  // namespace echostream::internal
