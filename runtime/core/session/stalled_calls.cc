// Peers that hold a call open and our memory with it, by not reading what we send or by not
// finishing what they send. What ends it is Limits::stalled_peer_timeout.
#include <algorithm>
#include <string>
#include <utility>

#include "runtime/core/session/call_stream.h"
#include "runtime/core/session/session.h"

namespace echostream::core {
namespace {

// A message that took longer than the timeout so far must have come at least this fast. The
// slowest radio links carry ten times as much.
constexpr std::int64_t kLeastBytesPerSecond = 128;

std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

// ---- What we send.

void CallStream::handle_stalled() {
  if (!end_) {
    end_ = StatusFrame{Status(StatusCode::kResourceExhausted,
                              "the peer took nothing of what waits for it on this call for " +
                                  seconds_text(environment_.limits.stalled_peer_timeout)),
                       {}};
  }
  // Also what was written before the call ended here, and waits since.
  environment_.transport.reset(id_, WireError::kLimit);
  send_ended_ = true;
  cancel(WireError::kLimit);
  changed();
}

void Session::handle_stream_stalled(StreamId id) {
  if (is_over()) return;
  if (CallStream* call = find_call(id)) {
    call->handle_stalled();
  } else if (frame_streams_.senders.count(id) > 0 || id.is_bidirectional()) {
    transport_.reset(id, WireError::kStale);
  } else {
    close(WireError::kLimit, "the peer took no event and nothing of the control stream for " +
                                 seconds_text(limits_.stalled_peer_timeout));
  }
}

// ---- What the peer sends.

// After each piece of the call's stream: notes when the message under way began.
void CallStream::watch_message(LocalTime now, std::size_t bytes) {
  if (parser_.at_boundary() || end_ || pending_end_) {
    message_since_ = kNever;
    return;
  }
  if (message_since_ == kNever) {
    message_since_ = now;
    message_bytes_ = 0;
    session_.watch_for_stalls();
  }
  message_bytes_ += bytes;
}

void CallStream::check_progress(LocalTime now) {
  const Duration patience = environment_.limits.stalled_peer_timeout;
  if (message_since_ == kNever || released_ || end_ || pending_end_) return;
  const Duration age = now - message_since_;
  if (age < patience) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (message_bytes_ >= static_cast<std::uint64_t>(seconds * kLeastBytesPerSecond)) return;
  message_since_ = kNever;
  fail_receiving(
      Status(StatusCode::kResourceExhausted,
             "the peer began a message and did not finish it within " + seconds_text(patience)));
}

// Returns whether a message is still under way.
bool Session::check_stalled_calls(LocalTime now) {
  if (is_over()) return false;
  // While we hold back what the peer sent, our flow control may be what stops it.
  const bool we_hold_back = std::any_of(
      calls_.begin(), calls_.end(), [](const auto& entry) { return entry.second->holds_back(); });
  std::vector<StreamId> ids;
  for (const auto& [id, call] : calls_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const StreamId id : ids) {
    CallStream* call = find_call(id);
    if (call == nullptr) continue;
    if (we_hold_back) {
      call->excuse(now);
    } else {
      call->check_progress(now);
    }
  }
  return std::any_of(calls_.begin(), calls_.end(),
                     [](const auto& entry) { return entry.second->has_message_under_way(); });
}

}  // namespace echostream::core
