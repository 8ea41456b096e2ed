// The sending side of one QUIC stream: the bytes that wait, and those that may have to be sent
// again. ngtcp2 keeps pointers to what it has put into packets, so bytes stay until acknowledged.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "echostream/base/block_pool.h"
#include "echostream/base/bytes.h"
#include "echostream/base/time.h"

#include "runtime/base/pooled_allocator.h"
#include "runtime/base/stream_id.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::transport {

class SendStream : public internal::PooledObject {
 public:
  SendStream(StreamId id, Priority priority) noexcept : id_(id), priority_(priority) {}
  SendStream(const SendStream&) = delete;
  SendStream& operator=(const SendStream&) = delete;

  StreamId id() const noexcept { return id_; }
  Priority priority() const noexcept { return priority_; }

  /// Ignored after the end.
  void push(Buffer bytes, bool fin);
  std::size_t unsent_bytes() const noexcept { return unsent_bytes_; }
  /// Something can be put into a packet, as far as this stream knows.
  bool wants_to_send() const noexcept {
    return !blocked_ && (unsent_bytes_ > 0 || (fin_queued_ && !fin_sent_));
  }
  bool fin_is_next(std::size_t bytes) const noexcept {
    return fin_queued_ && bytes == unsent_bytes_;
  }
  /// The next unsent bytes, as many pieces as fit and as make up `enough` bytes; returns how many
  /// bytes and pieces.
  struct Next {
    std::size_t pieces = 0;
    std::size_t bytes = 0;
  };
  Next next(std::span<ngtcp2_vec> pieces, std::size_t enough = SIZE_MAX) const;
  void mark_sent(std::size_t bytes, bool with_fin);
  /// Bytes are acknowledged in order.
  void mark_acknowledged(std::size_t bytes);
  /// Drops what was never sent; the rest stays until the stream closes.
  void end();
  bool has_ended() const noexcept { return ended_; }
  bool fin_is_sent() const noexcept { return fin_sent_; }

  /// The peer's flow control lets nothing through until it raises the limit.
  void set_blocked(bool blocked) noexcept { blocked_ = blocked; }
  // It stands in the connection's list of streams that try again (Connection::blocked_).
  bool is_to_be_retried = false;
  // Since when the peer's flow control for this stream has let nothing through.
  LocalTime blocked_since = kNever;

  /// One notification when unsent_bytes() has fallen that far.
  void notify_at(std::size_t low_water_bytes) noexcept { low_water_ = low_water_bytes; }
  bool take_notification() noexcept;

 private:
  void join_small();
  friend class SendScheduler;

  StreamId id_;
  Priority priority_;
  // Chunks [0, first_) are acknowledged and gone; chunk `next_` is the first with unsent bytes.
  std::vector<Buffer, PooledAllocator<Buffer>> chunks_;
  std::size_t first_ = 0;
  std::size_t acknowledged_in_first_ = 0;
  std::size_t next_ = 0;
  std::size_t sent_in_next_ = 0;
  std::size_t unsent_bytes_ = 0;
  std::size_t small_chunks_ = 0;  // in a row at the end, at most
  bool fin_queued_ = false;
  bool fin_sent_ = false;
  bool ended_ = false;
  bool blocked_ = false;
  std::optional<std::size_t> low_water_;
  // The scheduler's list.
  SendStream* next_in_list_ = nullptr;
  SendStream* previous_in_list_ = nullptr;
  bool is_listed_ = false;
};

}  // namespace echostream::transport
