#include "runtime/core/delivery/reassembly.h"

#include <algorithm>

namespace echostream::core {

std::optional<Buffer> Reassembly::add(const DatagramHeader& header, BytesView piece) {
  if (piece.empty()) return std::nullopt;
  auto found = partials_.find(header.frame.sequence);
  if (found == partials_.end()) {
    if (partials_.size() == kMaxPartials) {
      // The oldest makes room; a piece of a frame that is older still has come too late.
      if (header.frame.sequence < partials_.begin()->first) return std::nullopt;
      drop(partials_.begin());
    }
    found = partials_.emplace(header.frame.sequence, Partial{header.fragment_count, {}, 0}).first;
  }
  Partial& partial = found->second;
  if (partial.fragment_count != header.fragment_count) return std::nullopt;
  if (partial.pieces.count(header.fragment_index) > 0) return std::nullopt;
  if (partial.message_bytes + piece.size() > max_message_bytes_) {
    drop(found);
    return std::nullopt;
  }
  partial.pieces.emplace(header.fragment_index, Buffer::copy(piece));
  partial.message_bytes += piece.size();
  held_bytes_ += piece.size() + kPieceOverhead;
  if (partial.pieces.size() == partial.fragment_count) {
    Buffer whole = Buffer::build(partial.message_bytes, [&](MutableBytes out) {
      auto next = out.begin();
      for (const auto& [index, part] : partial.pieces) {
        next = std::copy(part.view().begin(), part.view().end(), next);
      }
    });
    drop(found);
    return whole;
  }
  while (held_bytes_ > max_held_bytes_) drop(partials_.begin());
  return std::nullopt;
}

void Reassembly::drop(Partials::iterator partial) {
  held_bytes_ -= partial->second.message_bytes + partial->second.pieces.size() * kPieceOverhead;
  partials_.erase(partial);
}

}  // namespace echostream::core
