// Puts the fragments of datagram frames together. Bounded in frames and bytes: when full, the
// oldest unfinished frame is dropped, which its reader sees as a gap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "echostream/base/bytes.h"

#include "runtime/core/frame/frames.h"

namespace echostream::core {

class Reassembly {
 public:
  Reassembly(std::size_t max_message_bytes, std::size_t max_held_bytes)
      : max_message_bytes_(max_message_bytes), max_held_bytes_(max_held_bytes) {}

  /// The whole message when this was its last missing piece. Duplicates, contradictions and
  /// oversized messages are ignored.
  std::optional<Buffer> add(const DatagramHeader& header, BytesView piece);
  /// What the unfinished frames cost: their pieces, and what keeping a piece takes.
  std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  struct Partial {
    std::uint64_t fragment_count = 0;
    std::map<std::uint64_t, Buffer> pieces;  // by index
    std::size_t message_bytes = 0;
  };
  using Partials = std::map<std::uint64_t, Partial>;
  void drop(Partials::iterator partial);

  // Fragments cost memory beside their payload: this many unfinished frames are plenty, and a
  // piece of one byte is charged for its bookkeeping too.
  static constexpr std::size_t kMaxPartials = 16;
  static constexpr std::size_t kPieceOverhead = 128;
  std::size_t max_message_bytes_;
  std::size_t max_held_bytes_;
  std::size_t held_bytes_ = 0;
  Partials partials_;  // by sequence number
};

}  // namespace echostream::core
