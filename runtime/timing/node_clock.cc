#include "runtime/timing/node_clock.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {

namespace {

using namespace std::chrono_literals;

// Sessions are measured at least once a second, reports come as often: ten of them did not.
constexpr Duration kEdgeLife = 10s;
constexpr Duration kClaimLife = 10s;
// Three reports did not come, or three measurements.
constexpr Duration kHoldoverAfter = 3s;
// A solution costs up to some milliseconds with many nodes that contradict each other; what comes
// in between is solved together.
constexpr Duration kSolveInterval = 100ms;
constexpr Duration kIdleInterval = 1s;
// By how much a rate may change within the seconds that an edge is old: a quartz moves less than
// that even when it is being warmed up. While a session's clock is new, nothing is known of the
// rate but that quartz clocks differ by 200 ppm at most.
constexpr double kRateDoubtPpm = 10;
constexpr double kUnknownRatePpm = 200;
// No session measures better than that, whatever a peer says.
constexpr double kLeastReportedErrorUs = 1;
// Sums of errors grow with every session in between; it also ends a claim that runs in a circle.
constexpr std::uint32_t kMostHops = 15;
constexpr std::uint32_t kNoClaim = ~std::uint32_t{0};

double us_of(Duration time) { return static_cast<double>(time.count()) * 1e-3; }

double seconds_since(LocalTime from, LocalTime now) {
  return now <= from ? 0 : static_cast<double>((now - from).count()) * 1e-9;
}

Duration predicted(Duration offset, double skew_ppm, double seconds) {
  return Duration(wrapping_sum(offset.count(), nanoseconds(skew_ppm * seconds)));
}

// Of numbers that a peer told.
ClockEdge edge_of(Duration offset, double skew_ppm, Duration bound, Duration estimated_error,
                  LocalTime at) {
  ClockEdge edge = make_edge(offset, skew_ppm, bound, estimated_error, at);
  edge.doubt_ppm = kRateDoubtPpm;
  return edge;
}

}  // namespace

NodeClock::NodeClock(NodeId self, std::uint64_t timescale, const NodeClockOptions& options)
    : known_(std::max<std::size_t>(options.max_nodes, 2)),
      edges_(known_.size()),
      graph_(known_.size() + 1, known_.size() * known_.size()),
      election_(self, timescale, options.reference),
      shown_timescale_(timescale),
      via_(self) {
  known_[0].is_used = true;
  known_[0].id = self;
  claims_.reserve(known_.size());
  output_.restart(LocalTime{}, Duration::zero(), 0);
}

// ---- Nodes and edges

std::optional<std::size_t> NodeClock::find(NodeId id) const {
  for (std::size_t i = 0; i < known_.size(); ++i)
    if (known_[i].is_used && known_[i].id == id) return i;
  return std::nullopt;
}

// A peer takes the place of a node that is only known from hearsay, if need be.
std::optional<std::size_t> NodeClock::find_or_add(NodeId id, bool is_peer) {
  std::optional<std::size_t> place = find(id);
  for (std::size_t i = 1; !place && i < known_.size(); ++i)
    if (!known_[i].is_used) place = i;
  for (std::size_t i = 1; !place && is_peer && i < known_.size(); ++i) {
    if (known_[i].is_peer) continue;
    remove_node(i);
    place = i;
  }
  if (!place) return std::nullopt;
  Known& known = known_[*place];
  known.is_used = true;
  known.id = id;
  known.is_peer = known.is_peer || is_peer;
  return place;
}

void NodeClock::remove_node(std::size_t place) {
  edges_.remove_node(place);
  known_[place] = Known{};
}

void NodeClock::mark_changed(LocalTime now) {
  const bool is_first = last_solution_ == LocalTime::min();
  const LocalTime soon = is_first ? now : std::max(now, last_solution_ + kSolveInterval);
  next_update_ = std::min(next_update_, soon);
}

void NodeClock::set_peer(NodeId peer, const ClockEstimate& estimate, LocalTime now) {
  if (peer == known_[0].id) return;
  const std::optional<std::size_t> place = find_or_add(peer, true);
  if (!place) return;
  const bool is_usable = estimate.samples > 0 && estimate.state != ClockState::kUnreliable;
  if (is_usable) {
    ClockEdge edge =
        edge_of(estimate.offset, estimate.skew_ppm, estimate.bound, estimate.estimated_error, now);
    edge.to = *place;
    if (estimate.state == ClockState::kAcquiring) edge.doubt_ppm = kUnknownRatePpm;
    edges_.put(edge);
  } else {
    edges_.remove(0, *place);
  }
  mark_changed(now);
}

void NodeClock::remove_peer(NodeId peer, LocalTime now) {
  const std::optional<std::size_t> place = find(peer);
  if (!place || *place == 0) return;
  // Others may still measure it; what itself said is gone with it.
  edges_.remove(0, *place);
  edges_.remove_from(*place);
  known_[*place].is_peer = false;
  known_[*place].has_claim = false;
  mark_changed(now);
}

void NodeClock::expire(LocalTime now) {
  edges_.expire(now, kEdgeLife);
  for (std::size_t i = 1; i < known_.size(); ++i) {
    if (known_[i].is_used && !known_[i].is_peer && !edges_.touches(i)) known_[i] = Known{};
  }
}

// ---- Reports

// On our clock. Only as old as a report may be, whatever it says.
LocalTime NodeClock::sending_time(std::size_t place, RemoteTime sent, LocalTime now) {
  const ClockEdge* edge = edges_.find(0, place);
  if (edge == nullptr) return now;
  const Duration offset = edge->offset_at(now);
  const Duration age(
      wrapping_difference(wrapping_sum(count_of(now), offset.count()), count_of(sent)));
  return now - std::clamp<Duration>(age, 0ns, kEdgeLife);
}

void NodeClock::handle_report(const NodeClockReport& report, LocalTime now) {
  if (report.node == known_[0].id) return;
  const std::optional<std::size_t> place = find_or_add(report.node, true);
  if (!place) return;
  const LocalTime sent = sending_time(*place, report.sent, now);
  take_claim(known_[*place], report, sent, now);
  const std::size_t most = std::min(report.edges.size(), known_.size());
  for (std::size_t i = 0; i < most; ++i) {
    const ReportedEdge& told = report.edges[i];
    if (told.peer == report.node || told.bound < Duration::zero()) continue;
    const std::optional<std::size_t> other = find_or_add(told.peer, false);
    if (!other) continue;
    ClockEdge edge = edge_of(told.offset, told.skew_ppm, told.bound, told.estimated_error, sent);
    edge.from = *place;
    edge.to = *other;
    edge.bound_us = std::max(edge.bound_us, kLeastReportedErrorUs);
    edge.error_us = std::max(edge.error_us, kLeastReportedErrorUs);
    edges_.put(edge);
  }
  mark_changed(now);
}

void NodeClock::take_claim(Known& known, const NodeClockReport& report, LocalTime sent,
                           LocalTime now) {
  const bool is_same = known.has_claim && known.claim.reference == report.reference &&
                       known.claim.timescale == report.timescale;
  if (!is_same || known.beat != report.beat) known.beat_moved = now;
  known.has_claim = report.hops <= kMostHops && report.bound >= Duration::zero();
  known.claim = {report.reference, report.timescale, report.is_shared};
  known.beat = report.beat;
  known.hops = report.hops;
  known.via = report.via;
  known.scale = edge_of(report.offset, report.skew_ppm, report.bound, report.estimated_error, sent);
  // The reference's own word is exact, and stays so.
  if (report.hops == 0) known.scale.doubt_ppm = 0;
}

void NodeClock::make_report(LocalTime now, NodeClockReport& report) {
  const NodeClockEstimate told = estimate(now);
  report.node = known_[0].id;
  report.sent = RemoteTime(now.time_since_epoch());
  report.reference = election_.reference();
  report.timescale = election_.timescale();
  report.beat = election_.is_self() ? ++own_beat_ : beat_;
  // A scale that we have not found yet is nothing to tell.
  report.hops = shown_timescale_ == election_.timescale() ? hops_ : kNoClaim;
  report.via = via_;
  report.is_shared = election_.is_shared();
  // The line, not what is shown: the lag is no business of others.
  const Duration lag = output_.lag_at(now);
  const Duration lag_size = lag < Duration::zero() ? -lag : lag;
  report.offset = Duration(wrapping_difference(told.offset.count(), lag.count()));
  report.skew_ppm = told.skew_ppm;
  report.bound = told.bound - lag_size;
  report.estimated_error = told.estimated_error - lag_size;
  report.edges.clear();
  for (std::size_t place = 1; place < known_.size(); ++place) {
    const ClockEdge* edge = edges_.find(0, place);
    if (edge == nullptr || edge->doubt_ppm > kRateDoubtPpm) continue;
    ReportedEdge& copy = report.edges.emplace_back();
    copy.peer = known_[place].id;
    copy.offset = edge->offset_at(now);
    copy.skew_ppm = edge->skew_ppm;
    copy.bound = Duration(nanoseconds(edge->bound_us_at(now)));
    copy.estimated_error = Duration(nanoseconds(edge->error_us_at(now)));
  }
}

// ---- Election

void NodeClock::update(LocalTime now) {
  if (now < next_update_) return;
  expire(now);
  elect(now);
  solve(now);
  correct_output(now);
  last_solution_ = now;
  const bool is_alone = std::none_of(known_.begin() + 1, known_.end(),
                                     [](const Known& known) { return known.is_used; });
  next_update_ = is_alone ? kNever : now + kIdleInterval;
}

bool NodeClock::has_fresh_claim(const Known& known, LocalTime now) const {
  const NodeId self = known_[0].id;
  return known.is_used && known.is_peer && known.has_claim && known.claim.reference != self &&
         known.via != self && now - known.beat_moved <= kClaimLife &&
         now - known.scale.at <= kClaimLife;
}

bool NodeClock::is_upstream(const Known& known, LocalTime now) const {
  return has_fresh_claim(known, now) && known.claim.reference == election_.reference() &&
         known.claim.timescale == election_.timescale();
}

void NodeClock::elect(LocalTime now) {
  claims_.clear();
  bool is_followed = false;
  for (const Known& known : known_) {
    if (has_fresh_claim(known, now)) claims_.push_back(known.claim);
    is_followed = is_followed || (known.is_peer && known.has_claim &&
                                  known.claim.timescale == election_.timescale() &&
                                  now - known.scale.at <= kClaimLife);
  }
  const bool is_tracking = estimate(now).state == ClockState::kTracking;
  election_.update(claims_, is_followed, is_tracking, now);
  if (election_.is_self() && election_.timescale() != shown_timescale_)
    election_.return_to(shown_timescale_);
  if (election_.is_self() && !was_reference_) {
    // From here on the scale is ours: it goes on from what is shown, at the rate of our clock.
    output_.restart(now, output_.offset_at(now), 0);
  }
  was_reference_ = election_.is_self();
}

// ---- Solution

void NodeClock::solve(LocalTime now) {
  measurements_.clear();
  edges_.add_measurements(now, measurements_);
  const std::size_t pairs = measurements_.size();
  add_timescale(now);
  graph_.solve(known_.size() + 1, 0, measurements_);
  for (std::size_t i = 0; i < known_.size(); ++i)
    known_[i].is_solved = known_[i].is_used && graph_.node(i).is_reachable;
  edges_.take_verdicts(std::span(measurements_).first(pairs));
  raise_alarms();
}

// The scale is one more clock. Peers that are nearest to its reference say where it is: all of them
// nearer than we are, so that nobody's word comes back to him.
void NodeClock::add_timescale(LocalTime now) {
  if (election_.is_self()) {
    hops_ = 0;
    via_ = known_[0].id;
    heard_at_ = now;
    return;
  }
  std::uint32_t least = kNoClaim;
  for (const Known& known : known_)
    if (is_upstream(known, now)) least = std::min(least, known.hops);
  if (least == kNoClaim) return;
  hops_ = least + 1;
  double best_us = std::numeric_limits<double>::infinity();
  for (std::size_t place = 0; place < known_.size(); ++place) {
    const Known& known = known_[place];
    if (!is_upstream(known, now) || known.hops != least) continue;
    ClockMeasurement& measurement = measurements_.emplace_back();
    measurement.from = place;
    measurement.to = timescale_place();
    measurement.offset = known.scale.offset_at(now);
    measurement.bound_us = known.scale.bound_us_at(now);
    measurement.error_us = known.scale.error_us_at(now);
    measurement.skew_ppm = known.scale.skew_ppm;
    heard_at_ = std::max(heard_at_, known.scale.at);
    if (measurement.bound_us >= best_us) continue;
    best_us = measurement.bound_us;
    via_ = known.id;
    beat_ = known.beat;
  }
}

void NodeClock::raise_alarms() {
  alarms_.clear();
  for (const ClockMeasurement& measurement : measurements_) {
    if (measurement.verdict == EdgeVerdict::kFits) continue;
    const bool is_claim = measurement.to == timescale_place();
    ClockAlarm& alarm = alarms_.emplace_back();
    alarm.from = known_[measurement.from].id;
    alarm.to = is_claim ? election_.reference() : known_[measurement.to].id;
    alarm.verdict = measurement.verdict;
    alarm.residual = Duration(nanoseconds(measurement.residual_us));
  }
}

void NodeClock::correct_output(LocalTime now) {
  if (election_.is_self()) {
    bound_us_ = error_us_ = skew_ppm_ = 0;
    solved_at_ = now;
    is_disputed_ = false;
    is_acquired_ = true;
    return;
  }
  const ClockGraph::Node& scale = graph_.node(timescale_place());
  if (!scale.is_reachable) return;
  bound_us_ = std::max(-scale.low_us, scale.high_us);
  error_us_ = scale.error_us;
  skew_ppm_ = scale.skew_ppm;
  solved_at_ = now;
  is_disputed_ = !scale.is_undisputed;
  is_acquired_ = false;
  for (std::size_t place = 1; place < known_.size(); ++place) {
    const ClockEdge* edge = edges_.find(0, place);
    is_acquired_ = is_acquired_ || (edge != nullptr && edge->doubt_ppm <= kRateDoubtPpm);
  }
  if (shown_timescale_ == election_.timescale()) {
    output_.aim(now, scale.offset, skew_ppm_);
  } else {
    output_.restart(now, scale.offset, skew_ppm_);
    shown_timescale_ = election_.timescale();
  }
}

// ---- Output

NodeClockEstimate NodeClock::estimate(LocalTime now) const {
  NodeClockEstimate result;
  result.reference = election_.reference();
  result.timescale = shown_timescale_;
  result.hops = hops_;
  result.offset = output_.offset_at(now);
  result.skew_ppm = skew_ppm_;
  result.last_update = heard_at_;
  if (election_.is_self()) {
    result.state = ClockState::kTracking;
    return result;
  }
  const double doubt_ppm = is_acquired_ ? kRateDoubtPpm : kUnknownRatePpm;
  const double age = seconds_since(solved_at_, now);
  const double lag_us = std::abs(us_of(output_.lag_at(now)));
  result.bound = Duration(nanoseconds(bound_us_ + doubt_ppm * age + lag_us));
  result.estimated_error =
      Duration(nanoseconds(error_us_ + doubt_ppm * kLikelyShare * age + lag_us));
  const bool is_heard = now - heard_at_ <= kHoldoverAfter;
  if (!is_heard || shown_timescale_ != election_.timescale()) {
    result.state = ClockState::kHoldover;
  } else if (is_disputed_) {
    result.state = ClockState::kUnreliable;
  } else {
    result.state = is_acquired_ ? ClockState::kTracking : ClockState::kAcquiring;
  }
  return result;
}

NodeTime NodeClock::to_node_time(LocalTime time) const {
  return NodeTime(Duration(wrapping_sum(count_of(time), output_.offset_at(time).count())));
}

LocalTime NodeClock::to_local(NodeTime time) const {
  return output_.time_of(time.time_since_epoch());
}

std::optional<NodeOffset> NodeClock::offset_of(NodeId node, LocalTime now) const {
  const std::optional<std::size_t> place = find(node);
  if (!place || !known_[*place].is_solved) return std::nullopt;
  const ClockGraph::Node& solved = graph_.node(*place);
  const double age = seconds_since(last_solution_, now);
  NodeOffset result;
  result.offset = predicted(solved.offset, solved.skew_ppm, age);
  const double bound_us = std::max(-solved.low_us, solved.high_us);
  result.bound = Duration(nanoseconds(bound_us + kRateDoubtPpm * age));
  result.estimated_error =
      Duration(nanoseconds(solved.error_us + kRateDoubtPpm * kLikelyShare * age));
  return result;
}

}  // namespace echostream::timing
