#include "runtime/plugins/metrics/series.h"

#include <algorithm>
#include <utility>

namespace echostream::internal {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<Duration>& rtt_bounds() {
  static const std::vector<Duration> bounds{
      microseconds(50),  microseconds(100), microseconds(250), microseconds(500), milliseconds(1),
      milliseconds(2),   milliseconds(5),   milliseconds(10),  milliseconds(20),  milliseconds(50),
      milliseconds(100), milliseconds(200), milliseconds(500), seconds(1),        seconds(5)};
  return bounds;
}

const std::vector<Duration>& clock_bounds() {
  static const std::vector<Duration> bounds{
      microseconds(10),  microseconds(25), microseconds(50),  microseconds(100), microseconds(250),
      microseconds(500), milliseconds(1),  milliseconds(2),   milliseconds(5),   milliseconds(10),
      milliseconds(25),  milliseconds(50), milliseconds(100), milliseconds(500)};
  return bounds;
}

std::string service_of(const MethodInfo& method) {
  const std::size_t slash = method.full_name.rfind('/');
  return std::string(slash == std::string_view::npos ? method.full_name
                                                     : method.full_name.substr(0, slash));
}

}  // namespace

DurationHistogram::DurationHistogram(const std::vector<Duration>& bounds)
    : bounds_(&bounds), counts_(std::make_unique<Count[]>(bounds.size() + 1)) {}

void DurationHistogram::observe(Duration value) noexcept {
  // Prometheus' bounds belong to the bucket below them. One after the other: most values are small,
  // and most histograms are not long.
  const Duration* const bounds = bounds_->data();
  std::size_t bucket = 0;
  while (bucket < bounds_->size() && bounds[bucket] < value) ++bucket;
  counts_[bucket].add(1);
  sum_.add(value.count());
}

void DurationHistogram::merge(const DurationHistogram& other) noexcept {
  for (std::size_t i = 0; i <= bounds_->size(); ++i) counts_[i].add(other.count(i));
  sum_.add(other.sum().count());
}

const char* kind_of(const MethodInfo& method) noexcept {
  switch (method.kind) {
    case MethodKind::kRpc:
      return "rpc";
    case MethodKind::kEvent:
      return "event";
    case MethodKind::kPublished:
      return "subscription";
    case MethodKind::kStream:
      if (method.client_streaming && method.server_streaming) return "bidi_stream";
      return method.client_streaming ? "client_stream" : "server_stream";
  }
  return "other";
}

MethodSeries::MethodSeries(std::string service_name, std::string method_name, const char* kind_name,
                           InterceptedCall::Side call_side, const std::vector<Duration>& bounds)
    : service(std::move(service_name)),
      method(std::move(method_name)),
      kind(kind_name),
      side(call_side),
      handling(bounds) {}

MethodSeries::MethodSeries(const MethodInfo& info, InterceptedCall::Side call_side,
                           const std::vector<Duration>& bounds)
    : MethodSeries(service_of(info), std::string(info.name), kind_of(info), call_side, bounds) {}

void MethodSeries::merge(const MethodSeries& other, bool with_levels) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i].add(other.counts[i].value());
  for (std::size_t i = 0; i < handled.size(); ++i) handled[i].add(other.handled[i].value());
  handling.merge(other.handling);
  if (!with_levels) return;
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i].add(other.levels[i].value());
}

NodeSeries::NodeSeries(const std::vector<Duration>& handling_bounds)
    : rtt(rtt_bounds()),
      clock_bound(clock_bounds()),
      clock_error(clock_bounds()),
      handling_bounds_(handling_bounds) {}

MethodSeries& NodeSeries::method(const MethodInfo& method, InterceptedCall::Side side) {
  if (&method != last_) {
    const auto found = known_.find(&method);
    last_known_ = found == known_.end() ? Known{} : found->second;
    last_ = &method;
  }
  MethodSeries*& series = last_known_.sides[index(side)];
  if (series == nullptr) {
    series = &add(method, side);
    if (known_.size() < kMostMethods || known_.contains(&method)) known_[&method] = last_known_;
  }
  return *series;
}

MethodSeries& NodeSeries::add(const MethodInfo& method, InterceptedCall::Side side) {
  const std::lock_guard lock(mutex_);
  if (known_.size() < kMostMethods || known_.contains(&method)) {
    return methods_.emplace_back(method, side, handling_bounds_);
  }
  MethodSeries*& other = other_[index(side)];
  if (other == nullptr) {
    other = &methods_.emplace_back("other", "other", "other", side, handling_bounds_);
  }
  return *other;
}

MethodSeries& NodeSeries::find_or_add(const MethodSeries& like) {
  const std::string key = like.service + '/' + like.method + '/' + like.kind +
                          (like.side == InterceptedCall::Side::kCaller ? "<" : ">");
  MethodSeries*& series = merged_[key];
  if (series == nullptr) {
    series =
        &methods_.emplace_back(like.service, like.method, like.kind, like.side, handling_bounds_);
  }
  return *series;
}

void NodeSeries::add(const NodeStats& now) {
  const NodeStats& last = last_stats_;
  // Some counts belong to sockets, and go with them.
  const auto add_to = [](Count& count, std::uint64_t value, std::uint64_t before) {
    if (value > before) count.add(value - before);
  };
  const auto add_one = [&](NodeCount which, std::uint64_t value, std::uint64_t before) {
    add_to(count(which), value, before);
  };
  add_one(NodeCount::kRefused, now.sessions_refused.total(), last.sessions_refused.total());
  add_one(NodeCount::kEarlyDataAccepted, now.early_data_accepted, last.early_data_accepted);
  add_one(NodeCount::kEarlyDataRejected, now.early_data_rejected, last.early_data_rejected);
  add_one(NodeCount::kHandshakesStarted, now.handshakes_started, last.handshakes_started);
  add_one(NodeCount::kClientsRefused, now.clients_refused, last.clients_refused);
  add_one(NodeCount::kRetriesSent, now.retries_sent, last.retries_sent);
  add_one(NodeCount::kStatelessResetsSent, now.stateless_resets_sent, last.stateless_resets_sent);
  add_one(NodeCount::kDatagramsDropped, now.datagrams_dropped, last.datagrams_dropped);
  add_one(NodeCount::kCallsOverLimit, now.calls_over_limit, last.calls_over_limit);
  add_one(NodeCount::kLoopStalls, now.loop_stalls, last.loop_stalls);
  add_one(NodeCount::kLoopStalled, static_cast<std::uint64_t>(now.loop_stalled.count()),
          static_cast<std::uint64_t>(last.loop_stalled.count()));
  for (std::size_t i = 0; i < kStatusCodes; ++i) {
    const auto code = static_cast<StatusCode>(i);
    add_to(sessions_failed[i], now.sessions_failed.of(code), last.sessions_failed.of(code));
  }
  for (std::size_t i = 0; i < kMisbehaviours; ++i) {
    add_to(peers_put_out[i], now.peers_put_out[i], last.peers_put_out[i]);
  }
  sessions_opening.set(static_cast<std::int64_t>(now.sessions_opening));
  handlers_running.set(static_cast<std::int64_t>(now.handlers_running));
  last_stats_ = now;
}

void NodeSeries::set_shared_clock(const NodeClockEstimate& now) {
  const bool is_known = now.state != ClockState::kAcquiring;
  shared_clocks.set(is_known ? 1 : 0);
  shared_clock_offset.set(is_known ? now.offset.count() : 0);
  shared_clock_bound.set(is_known ? now.bound.count() : 0);
}

void NodeSeries::merge(const NodeSeries& other, bool with_levels) {
  const auto add_all = [](auto& to, const auto& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i].add(from[i].value());
  };
  add_all(counts, other.counts);
  add_all(node_counts, other.node_counts);
  add_all(sessions_failed, other.sessions_failed);
  add_all(sessions_closed, other.sessions_closed);
  add_all(peers_put_out, other.peers_put_out);
  rtt.merge(other.rtt);
  clock_bound.merge(other.clock_bound);
  clock_error.merge(other.clock_error);
  if (with_levels) {
    sessions_open.add(other.sessions_open.value());
    sessions_opening.add(other.sessions_opening.value());
    handlers_running.add(other.handlers_running.value());
    shared_clocks.add(other.shared_clocks.value());
    shared_clock_offset.add(other.shared_clock_offset.value());
    shared_clock_bound.add(other.shared_clock_bound.value());
    add_all(clocks, other.clocks);
  }
  const std::scoped_lock lock(mutex_, other.mutex_);
  for (const MethodSeries& series : other.methods_) find_or_add(series).merge(series, with_levels);
}

}  // namespace echostream::internal
