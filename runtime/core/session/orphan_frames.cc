#include "runtime/core/session/orphan_frames.h"

#include <algorithm>
#include <utility>

namespace echostream::core {

void OrphanFrames::add(StreamId call, Frame frame) {
  const std::size_t bytes = frame.message.size();
  while (!orphans_.empty() &&
         (orphans_.size() >= limits_.max_orphan_streams || !held_.budget().has_room_for(bytes))) {
    drop_oldest();
  }
  if (limits_.max_orphan_streams == 0 || !held_.budget().has_room_for(bytes)) return;
  held_.set(held_.bytes() + bytes);
  orphans_.push_back({call, std::move(frame)});
}

std::optional<OrphanFrames::Frame> OrphanFrames::take(StreamId call) {
  const auto found = std::find_if(orphans_.begin(), orphans_.end(),
                                  [&](const Orphan& orphan) { return orphan.call == call; });
  if (found == orphans_.end()) return std::nullopt;
  Frame frame = std::move(found->frame);
  orphans_.erase(found);
  held_.set(held_.bytes() - frame.message.size());
  return frame;
}

void OrphanFrames::drop(StreamId call) {
  while (take(call)) {
  }
}

void OrphanFrames::clear() {
  orphans_.clear();
  held_.set(0);
}

void OrphanFrames::drop_oldest() {
  held_.set(held_.bytes() - orphans_.front().frame.message.size());
  orphans_.erase(orphans_.begin());
}

}  // namespace echostream::core
