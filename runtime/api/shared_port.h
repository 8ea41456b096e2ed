// One UDP port that the drivers of several loops share (SO_REUSEPORT): carries what the system gave
// to the wrong one to its owner's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "echostream/loop.h"

namespace echostream::internal {

class SharedPort : public std::enable_shared_from_this<SharedPort> {
 public:
  using Secret = std::array<std::uint8_t, 32>;
  /// For tokens, resets and connection ids: what one member gave out, all recognise.
  SharedPort(std::size_t members, const Secret& secret) : secret_(secret), mailboxes_(members) {}

  std::size_t size() const noexcept { return mailboxes_.size(); }
  const Secret& secret() const noexcept { return secret_; }

  /// Both on the thread of `executor`, on which alone the handler is called: between join() and
  /// leave(), with the datagrams of other members, then once with handle_batch_end().
  void join(std::size_t member, Executor& executor, UdpHandler& handler);
  void leave(std::size_t member);

  /// From any thread. Copies the datagram. A burst wakes the owner once; what the owner is too busy
  /// to take, and what comes for a member that is gone, is lost and counted.
  void forward(std::size_t owner, const ReceivedDatagram& datagram);

  /// Of datagrams for that member. From any thread.
  struct Counts {
    std::uint64_t forwarded = 0;
    std::uint64_t dropped = 0;
  };
  Counts counts(std::size_t member) const;

  // What may wait for one member: about as much as its socket's own buffer holds.
  static constexpr std::size_t kMostWaitingDatagrams = 2048;
  static constexpr std::size_t kMostWaitingBytes = 2 * 1024 * 1024;

 private:
  /// Datagrams behind each other in one piece of memory, which is used again.
  struct Batch {
    struct Entry {
      SocketAddress local;
      SocketAddress remote;
      Ecn ecn;
      LocalTime received_at;
      std::size_t size;
    };
    std::vector<Entry> entries;
    std::vector<std::uint8_t> bytes;

    bool has_room_for(std::size_t size) const noexcept;
    void add(const ReceivedDatagram& datagram);
    void clear() noexcept;
  };
  struct Mailbox {
    mutable std::mutex mutex;
    Executor* executor = nullptr;  // null: nobody is there
    UdpHandler* handler = nullptr;
    Batch waiting;
    Batch spare;
    Counts counts;
  };

  void deliver(std::size_t member);

  const Secret secret_;
  std::vector<Mailbox> mailboxes_;
};

/// A driver's place at a shared port.
struct PortMember {
  std::shared_ptr<SharedPort> port;
  std::size_t index = 0;
};

}  // namespace echostream::internal
