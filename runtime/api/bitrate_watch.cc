#include "runtime/api/bitrate_watch.h"

#include <utility>

#include "runtime/api/call_state.h"

namespace echostream::internal {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(100);

bool differ_by_a_tenth(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t apart = a > b ? a - b : b - a;
  return apart > b / 10;
}

}  // namespace

std::uint64_t target_bitrate_of(const CallState& call) {
  const core::CallStream* stream = call.stream();
  if (stream == nullptr || stream->end() || !call.session().is_open()) return 0;
  return 8 * call.session().link().target_bytes_per_s(stream->priority());
}

BitrateWatch::BitrateWatch(CallState& call, Callback callback)
    : call_(call), callback_(std::make_shared<Callback>(std::move(callback))) {
  Executor& executor = call_.session().executor();
  executor.arm(*this, executor.now());
}

void BitrateWatch::on_timer(LocalTime now) {
  // A call without a stream has no session either, or a lost one.
  if (call_.stream() == nullptr || call_.stream()->end() || call_.session().is_closed()) return;
  NodeContext* node = call_.session().node();
  if (node == nullptr) return;
  call_.session().executor().arm(*this, now + kInterval);
  const std::uint64_t target = target_bitrate_of(call_);
  if (target == 0 || !differ_by_a_tenth(target, told_)) return;
  told_ = target;
  // Not called when the watch has ended meanwhile.
  node->deferrer.defer([callback = std::weak_ptr<Callback>(callback_), target] {
    if (const auto alive = callback.lock()) (*alive)(target);
  });
}

}  // namespace echostream::internal
