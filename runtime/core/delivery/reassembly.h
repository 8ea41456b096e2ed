// Puts the fragments of datagram frames together. Bounded in frames and bytes: when full, the
// oldest unfinished frame is dropped, which its reader sees as a gap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

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
  std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  struct Partial {
    std::vector<Buffer> pieces;
    std::size_t received = 0;
    std::size_t bytes = 0;
  };
  using Partials = std::map<std::uint64_t, Partial>;
  void drop(Partials::iterator partial);

  // Fragments cost memory before their payload does; this many unfinished frames are plenty.
  static constexpr std::size_t kMaxPartials = 16;
  std::size_t max_message_bytes_;
  std::size_t max_held_bytes_;
  std::size_t held_bytes_ = 0;
  Partials partials_;  // by sequence number
};

}  // namespace echostream::core
