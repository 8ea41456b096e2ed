#include "runtime/transport/packet_batch.h"

namespace echostream::transport {

void PacketBatch::add(std::size_t bytes, const SocketAddress& local, const SocketAddress& remote,
                      std::uint8_t ecn) {
  const std::size_t offset = size_;
  size_ += bytes;
  if (!runs_.empty()) {
    Extent& last = runs_.back();
    if (!last.is_full && bytes <= last.segment_size && last.ecn == ecn && last.remote == remote &&
        last.local == local && last.segments < kMostSegments) {
      last.bytes += bytes;
      ++last.segments;
      last.is_full = bytes < last.segment_size;
      return;
    }
  }
  runs_.push_back({local, remote, ecn, offset, bytes, bytes, 1, false});
}

std::optional<PacketBatch::Run> PacketBatch::take_run() {
  if (next_run_ == runs_.size()) return std::nullopt;
  const Extent& extent = runs_[next_run_++];
  return Run{extent.local, extent.remote, extent.ecn,
             BytesView(buffer_).subspan(extent.offset, extent.bytes), extent.segment_size};
}

}  // namespace echostream::transport
