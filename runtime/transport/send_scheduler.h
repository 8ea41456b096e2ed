// Whose bytes go into the next packet: of the lowest priority number that has any, datagrams before
// streams, streams in turn.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/base/ring_queue.h"
#include "runtime/transport/quic_connection.h"
#include "runtime/transport/send_stream.h"

namespace echostream::transport {

inline constexpr std::size_t kPriorities = 8;

class SendScheduler {
 public:
  explicit SendScheduler(std::size_t max_datagram_bytes) noexcept
      : max_datagram_bytes_(max_datagram_bytes) {}

  /// Lists the stream when it wants to send, and takes it off the list when it does not.
  void update(SendStream& stream);
  void remove(SendStream& stream);
  void set_priority(SendStream& stream, Priority priority);
  /// Lets the others of its priority go first.
  void rotate(SendStream& stream);

  /// Queues; over the limit the oldest of the least urgent are dropped, and their tags appended.
  void push(OutgoingDatagramFrame datagram, std::vector<std::uint64_t>& dropped);
  /// Drops what has expired, or no longer fits into a packet; then `next()` is fresh.
  void drop_stale(LocalTime now, std::size_t largest, std::vector<std::uint64_t>& dropped);
  void pop_datagram(Priority priority);
  bool has_datagrams() const noexcept { return datagram_count_ > 0; }

  /// What comes next: a datagram, a stream, or nothing. `with_stream_bytes` is false when the
  /// connection's flow control lets no stream send more bytes; an end without bytes passes it.
  struct Next {
    OutgoingDatagramFrame* datagram = nullptr;
    SendStream* stream = nullptr;
    Priority priority = 0;
  };
  Next next(bool with_stream_bytes);

 private:
  struct List {
    SendStream* first = nullptr;
    SendStream* last = nullptr;
  };
  void append(SendStream& stream);
  void pop_front(Priority priority);

  std::array<List, kPriorities> streams_;
  std::array<RingQueue<OutgoingDatagramFrame>, kPriorities> datagrams_;
  std::size_t datagram_count_ = 0;
  std::size_t datagram_bytes_ = 0;
  std::size_t max_datagram_bytes_;
};

}  // namespace echostream::transport
