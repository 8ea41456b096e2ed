// Packets written in one go, laid end to end, cut into runs that one GSO call can send: same path,
// same marking, same size but for the last.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/socket_address.h"

namespace echostream::transport {

class PacketBatch {
 public:
  struct Run {
    SocketAddress local;
    SocketAddress remote;
    std::uint8_t ecn = 0;
    BytesView data;
    std::size_t segment_size = 0;
  };

  PacketBatch(std::size_t packets, std::size_t packet_bytes)
      : buffer_(packets * packet_bytes), packet_bytes_(packet_bytes) {}

  void clear() noexcept {
    size_ = 0;
    next_run_ = 0;
    runs_.clear();
  }
  std::size_t size() const noexcept { return size_; }
  bool has_room() const noexcept { return buffer_.size() - size_ >= packet_bytes_; }
  /// Where the next packet is written.
  MutableBytes room() noexcept { return MutableBytes(buffer_).subspan(size_, packet_bytes_); }
  /// The packet that was just written there.
  void add(std::size_t bytes, const SocketAddress& local, const SocketAddress& remote,
           std::uint8_t ecn);
  /// The next run to send.
  std::optional<Run> take_run();

 private:
  // Linux takes at most 64 segments in one call.
  static constexpr std::size_t kMostSegments = 64;
  struct Extent {
    SocketAddress local;
    SocketAddress remote;
    std::uint8_t ecn;
    std::size_t offset;
    std::size_t bytes;
    std::size_t segment_size;
    std::size_t segments;
    bool is_full;  // its last packet is shorter: nothing can follow
  };

  std::vector<std::uint8_t> buffer_;
  std::size_t packet_bytes_;
  std::size_t size_ = 0;
  std::vector<Extent> runs_;
  std::size_t next_run_ = 0;
};

}  // namespace echostream::transport
