#include "runtime/transport/send_stream.h"

#include <algorithm>
#include <utility>

namespace echostream::transport {

void SendStream::push(Buffer bytes, bool fin) {
  if (ended_ || fin_queued_) return;
  if (!bytes.empty()) {
    unsent_bytes_ += bytes.size();
    // A call's stream has two or three.
    if (chunks_.capacity() == 0) chunks_.reserve(4);
    chunks_.push_back(std::move(bytes));
  }
  fin_queued_ = fin;
}

SendStream::Next SendStream::next(std::span<ngtcp2_vec> pieces, std::size_t enough) const {
  Next result;
  std::size_t skip = sent_in_next_;
  for (std::size_t i = next_; i < chunks_.size(); ++i) {
    if (result.pieces == pieces.size() || result.bytes >= enough) break;
    const BytesView rest = chunks_[i].view().subspan(skip);
    skip = 0;
    pieces[result.pieces].base = const_cast<std::uint8_t*>(rest.data());
    pieces[result.pieces].len = rest.size();
    ++result.pieces;
    result.bytes += rest.size();
  }
  return result;
}

void SendStream::mark_sent(std::size_t bytes, bool with_fin) {
  unsent_bytes_ -= bytes;
  fin_sent_ = fin_sent_ || with_fin;
  while (bytes > 0) {
    const std::size_t here = std::min(bytes, chunks_[next_].size() - sent_in_next_);
    sent_in_next_ += here;
    bytes -= here;
    if (sent_in_next_ == chunks_[next_].size()) {
      ++next_;
      sent_in_next_ = 0;
    }
  }
}

void SendStream::mark_acknowledged(std::size_t bytes) {
  while (bytes > 0 && first_ < chunks_.size()) {
    Buffer& chunk = chunks_[first_];
    const std::size_t here = std::min(bytes, chunk.size() - acknowledged_in_first_);
    acknowledged_in_first_ += here;
    bytes -= here;
    if (acknowledged_in_first_ < chunk.size()) return;
    chunk = Buffer();
    ++first_;
    acknowledged_in_first_ = 0;
  }
  // Close the gap once it is the larger part: amortised, each chunk moves a bounded number of
  // times.
  if (first_ * 2 >= chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
    next_ -= first_;
    first_ = 0;
  }
}

void SendStream::end() {
  ended_ = true;
  unsent_bytes_ = 0;
  low_water_.reset();
  // A chunk that was sent in part is still referred to.
  const std::size_t keep = next_ + (sent_in_next_ > 0 ? 1 : 0);
  chunks_.resize(std::min(keep, chunks_.size()));
  fin_queued_ = fin_sent_ = true;
}

bool SendStream::take_notification() noexcept {
  if (!low_water_ || unsent_bytes_ > *low_water_) return false;
  low_water_.reset();
  return true;
}

}  // namespace echostream::transport
