#include "runtime/core/delivery/reassembly.h"

#include <algorithm>

namespace echostream::core {

std::optional<Buffer> Reassembly::add(const DatagramHeader& header, BytesView piece) {
  auto found = partials_.find(header.frame.sequence);
  if (found == partials_.end()) {
    if (partials_.size() == kMaxPartials) drop(partials_.begin());
    found = partials_.emplace(header.frame.sequence, Partial{}).first;
    found->second.pieces.resize(header.fragment_count);
  }
  Partial& partial = found->second;
  if (piece.empty() || partial.pieces.size() != header.fragment_count) return std::nullopt;
  Buffer& slot = partial.pieces[header.fragment_index];
  if (!slot.empty()) return std::nullopt;
  if (partial.bytes + piece.size() > max_message_bytes_) {
    drop(found);
    return std::nullopt;
  }
  slot = Buffer::copy(piece);
  partial.bytes += piece.size();
  held_bytes_ += piece.size();
  if (++partial.received == partial.pieces.size()) {
    Buffer whole = Buffer::build(partial.bytes, [&](MutableBytes out) {
      auto next = out.begin();
      for (const Buffer& part : partial.pieces) {
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
  held_bytes_ -= partial->second.bytes;
  partials_.erase(partial);
}

}  // namespace echostream::core
