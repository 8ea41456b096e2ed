#include "runtime/timing/clock_sync.h"

#include <algorithm>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr int kFirstBurst = 20;
constexpr int kLaterBurst = 10;
constexpr Duration kBurstInterval = 50ms;
constexpr Duration kBusyInterval = 200ms;
constexpr Duration kIdleInterval = 1s;
constexpr Duration kBurstPause = 10s;
// What we answer: more than any honest peer asks (20 a second in a burst, 40 after a reconnect).
constexpr Duration kAnswerInterval = 20ms;
constexpr int kAnswerBurst = 40;

LocalTime later(LocalTime time, Duration by) {
  return time > LocalTime::max() - by ? LocalTime::max() : time + by;
}

// An interval around `mean`, uniform over half of it: enough to lose step with anything periodic,
// and never so long that the rate falls noticeably.
Duration around(Duration mean, double chance) {
  const auto part = static_cast<Duration::rep>(static_cast<double>(mean.count()) *
                                               (0.75 + 0.5 * std::clamp(chance, 0.0, 1.0)));
  return Duration(part);
}

}  // namespace

ClockSync::ClockSync(std::uint64_t first_id) : next_id_(first_id), burst_left_(kFirstBurst) {}

std::optional<ClockRequest> ClockSync::poll(LocalTime now, double chance) {
  if (now < next_) return std::nullopt;
  Duration interval = busy_ ? kBusyInterval : kIdleInterval;
  if (burst_left_ > 0) {
    --burst_left_;
    interval = kBurstInterval;
  }
  last_probe_ = now;
  last_chance_ = chance;
  next_ = later(now, around(interval, chance));
  const std::uint64_t id = next_id_++;
  probes_[id % kOutstanding] = {id, Probe::Stage::kMade, {}, {}, {}};
  return ClockRequest{id};
}

ClockSync::Probe* ClockSync::find(std::uint64_t id) {
  Probe& probe = probes_[id % kOutstanding];
  return probe.id == id && probe.stage != Probe::Stage::kNone ? &probe : nullptr;
}

void ClockSync::handle_request_sent(std::uint64_t id, LocalTime at) {
  Probe* probe = find(id);
  if (probe == nullptr || probe->stage != Probe::Stage::kMade) return;
  probe->stage = Probe::Stage::kSent;
  probe->sent = at;
}

// A token bucket, kept as the time at which it will be full again.
bool ClockSync::take_token(LocalTime now) {
  tokens_full_at_ = std::max(tokens_full_at_, now);
  if (tokens_full_at_ > later(now, kAnswerInterval * (kAnswerBurst - 1))) return false;
  tokens_full_at_ = later(tokens_full_at_, kAnswerInterval);
  return true;
}

std::optional<ClockReply> ClockSync::handle_request(LocalTime arrived, LocalTime now,
                                                    const ClockRequest& request) {
  if (!take_token(now)) return std::nullopt;
  newest_reply_ = request.id;
  return ClockReply{request.id, RemoteTime(arrived.time_since_epoch()),
                    RemoteTime(now.time_since_epoch()), previous_id_,
                    RemoteTime(previous_sent_.time_since_epoch())};
}

void ClockSync::handle_reply_sent(std::uint64_t id, LocalTime at) {
  if (id != newest_reply_) return;
  previous_id_ = id;
  previous_sent_ = at;
}

void ClockSync::handle_reply(LocalTime arrived, const ClockReply& reply) {
  Probe* probe = find(reply.id);
  if (probe == nullptr || probe->stage != Probe::Stage::kSent || arrived < probe->sent) return;
  const std::uint64_t contradictions = clock_.contradictions();
  // In the order of time: what is older first.
  use_true_reply_time(reply);
  probe->stage = Probe::Stage::kAnswered;
  probe->answered = arrived;
  probe->early_reply = reply.sent;
  clock_.add_forward(probe->sent, reply.received);
  clock_.add_backward(reply.sent, arrived);
  if (clock_.contradictions() != contradictions) start_burst(arrived);
}

void ClockSync::use_true_reply_time(const ClockReply& reply) {
  Probe* previous = reply.previous_id == 0 ? nullptr : find(reply.previous_id);
  if (previous == nullptr || previous->stage != Probe::Stage::kAnswered) return;
  previous->stage = Probe::Stage::kDone;
  // The true time cannot be before the early one; equal, it says nothing new.
  if (reply.previous_sent <= previous->early_reply) return;
  clock_.add_backward(reply.previous_sent, previous->answered);
}

void ClockSync::start_burst(LocalTime now) {
  if (last_burst_ != LocalTime::min() && now < later(last_burst_, kBurstPause)) return;
  last_burst_ = now;
  burst_left_ = std::max(burst_left_, kLaterBurst);
  next_ = std::min(next_, later(now, kBurstInterval));
}

void ClockSync::set_busy(bool media_flows) {
  if (busy_ == media_flows) return;
  busy_ = media_flows;
  if (busy_ && last_probe_ != LocalTime::min())
    next_ = std::min(next_, later(last_probe_, around(kBusyInterval, last_chance_)));
}

void ClockSync::handle_path_change(LocalTime now) {
  clock_.handle_path_change(now);
  start_burst(now);
}

}  // namespace echostream::timing
