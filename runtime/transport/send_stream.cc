#include "runtime/transport/send_stream.h"

#include <algorithm>
#include <utility>

namespace echostream::transport {
namespace {

// A chunk costs some 64 bytes beside its own, which is more than these have.
constexpr std::size_t kSmallBytes = 64;
// So many that wait become one. What is sent at once is never copied.
constexpr std::size_t kSmallInARow = 32;

}  // namespace

void SendStream::push(Buffer bytes, bool fin) {
  if (ended_ || fin_queued_) return;
  if (!bytes.empty()) {
    unsent_bytes_ += bytes.size();
    // A call's stream has two or three.
    if (chunks_.capacity() == 0) chunks_.reserve(4);
    small_chunks_ = bytes.size() <= kSmallBytes ? small_chunks_ + 1 : 0;
    chunks_.push_back(std::move(bytes));
    if (small_chunks_ == kSmallInARow) join_small();
  }
  fin_queued_ = fin;
}

// A peer that does not read would otherwise make us hold many times the bytes that are counted.
void SendStream::join_small() {
  // What was put into a packet stays where it is.
  const std::size_t first_unsent = next_ + (sent_in_next_ > 0 ? 1 : 0);
  const std::size_t all = chunks_.size();
  const std::size_t first = std::max(all - std::min(all, small_chunks_), first_unsent);
  small_chunks_ = all - std::min(all, first);
  if (small_chunks_ < kSmallInARow / 2) return;
  const auto begin = chunks_.begin() + static_cast<std::ptrdiff_t>(first);
  std::size_t total = 0;
  for (auto chunk = begin; chunk != chunks_.end(); ++chunk) total += chunk->size();
  *begin = Buffer::build(total, [&](MutableBytes out) {
    for (auto chunk = begin; chunk != chunks_.end(); ++chunk) {
      std::copy_n(chunk->data(), chunk->size(), out.data());
      out = out.subspan(chunk->size());
    }
  });
  chunks_.erase(begin + 1, chunks_.end());
  small_chunks_ = 0;
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
  small_chunks_ = 0;
  fin_queued_ = fin_sent_ = true;
}

bool SendStream::take_notification() noexcept {
  if (!low_water_ || unsent_bytes_ > *low_water_) return false;
  low_water_.reset();
  return true;
}

}  // namespace echostream::transport
