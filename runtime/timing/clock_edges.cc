#include "runtime/timing/clock_edges.h"

#include <algorithm>
#include <cmath>

#include "echostream/base/check.h"

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {

namespace {

// Solutions come ten times a second at most: what contradicted must fit for a second before it
// counts again.
constexpr int kFitsToReturn = 10;
// Quartz clocks keep to 100 ppm; the rest is for those that do not.
constexpr double kMostSkewPpm = 1000;

}  // namespace

double ClockEdge::age_seconds(LocalTime now) const noexcept {
  return now <= at ? 0 : static_cast<double>((now - at).count()) * 1e-9;
}

Duration ClockEdge::offset_at(LocalTime now) const noexcept {
  return Duration(wrapping_sum(offset.count(), nanoseconds(skew_ppm * age_seconds(now))));
}

double ClockEdge::bound_us_at(LocalTime now) const noexcept {
  return bound_us + doubt_ppm * age_seconds(now);
}

double ClockEdge::error_us_at(LocalTime now) const noexcept {
  return error_us + doubt_ppm * kLikelyShare * age_seconds(now);
}

ClockEdge make_edge(Duration offset, double skew_ppm, Duration bound, Duration estimated_error,
                    LocalTime at) noexcept {
  ClockEdge edge;
  edge.at = at;
  edge.offset = offset;
  const bool is_finite = std::isfinite(skew_ppm);
  edge.skew_ppm = is_finite ? std::clamp(skew_ppm, -kMostSkewPpm, kMostSkewPpm) : 0;
  edge.bound_us = static_cast<double>(std::max(bound, Duration::zero()).count()) * 1e-3;
  edge.error_us = static_cast<double>(std::max(estimated_error, Duration::zero()).count()) * 1e-3;
  return edge;
}

ClockEdges::ClockEdges(std::size_t max_nodes)
    : max_nodes_(max_nodes), indexes_(max_nodes * max_nodes, kNone), pairs_(max_nodes * max_nodes) {
  ECHOSTREAM_CHECK(max_nodes <= 255, "a node clock of more than 255 nodes");
}

std::uint16_t& ClockEdges::index_of(std::size_t from, std::size_t to) {
  return indexes_[from * max_nodes_ + to];
}

ClockEdges::Pair& ClockEdges::pair_of(std::size_t a, std::size_t b) {
  return pairs_[std::min(a, b) * max_nodes_ + std::max(a, b)];
}

void ClockEdges::put(const ClockEdge& edge) {
  std::uint16_t& index = index_of(edge.from, edge.to);
  if (index != kNone) {
    edges_[index] = edge;
    return;
  }
  index = static_cast<std::uint16_t>(edges_.size());
  edges_.push_back(edge);
  if (find(edge.to, edge.from) == nullptr) pair_of(edge.from, edge.to) = Pair{};
}

const ClockEdge* ClockEdges::find(std::size_t from, std::size_t to) const {
  const std::uint16_t index = indexes_[from * max_nodes_ + to];
  return index == kNone ? nullptr : &edges_[index];
}

void ClockEdges::remove(std::size_t from, std::size_t to) {
  const std::uint16_t index = index_of(from, to);
  if (index != kNone) remove_at(index);
}

void ClockEdges::remove_at(std::size_t index) {
  index_of(edges_[index].from, edges_[index].to) = kNone;
  if (index + 1 < edges_.size()) {
    edges_[index] = edges_.back();
    index_of(edges_[index].from, edges_[index].to) = static_cast<std::uint16_t>(index);
  }
  edges_.pop_back();
}

void ClockEdges::remove_from(std::size_t place) {
  for (std::size_t i = edges_.size(); i-- > 0;)
    if (edges_[i].from == place) remove_at(i);
}

void ClockEdges::remove_node(std::size_t place) {
  for (std::size_t i = edges_.size(); i-- > 0;)
    if (edges_[i].from == place || edges_[i].to == place) remove_at(i);
}

void ClockEdges::expire(LocalTime now, Duration life) {
  for (std::size_t i = edges_.size(); i-- > 0;)
    if (now - edges_[i].at > life) remove_at(i);
}

bool ClockEdges::touches(std::size_t place) const {
  return std::any_of(edges_.begin(), edges_.end(), [place](const ClockEdge& edge) {
    return edge.from == place || edge.to == place;
  });
}

void ClockEdges::add_measurements(LocalTime now, std::vector<ClockMeasurement>& out) {
  for (const ClockEdge& edge : edges_) {
    const ClockEdge* reverse = find(edge.to, edge.from);
    // Each pair once: by its own view, else by the lower place's.
    if (reverse != nullptr && reverse->from < edge.from) continue;
    out.push_back(merged(edge, edge.from == 0 ? nullptr : reverse, now));
    if (pair_of(edge.from, edge.to).is_rejected) out.back().verdict = EdgeVerdict::kContradicts;
  }
}

ClockMeasurement ClockEdges::merged(const ClockEdge& edge, const ClockEdge* reverse,
                                    LocalTime now) const {
  ClockMeasurement result;
  result.from = edge.from;
  result.to = edge.to;
  result.offset = edge.offset_at(now);
  result.skew_ppm = edge.skew_ppm;
  result.bound_us = edge.bound_us_at(now);
  result.error_us = edge.error_us_at(now);
  if (reverse == nullptr) return result;
  // Where the other end puts the offset, against this one.
  const double apart_us = -1e-3 * static_cast<double>(wrapping_sum(reverse->offset_at(now).count(),
                                                                   result.offset.count()));
  const double other_bound_us = reverse->bound_us_at(now);
  const double low = std::max(-result.bound_us, apart_us - other_bound_us);
  const double high = std::min(result.bound_us, apart_us + other_bound_us);
  if (low > high) {
    // One of the two ends lies, or its clock jumped: anything that either says.
    const double least = std::min(-result.bound_us, apart_us - other_bound_us);
    const double most = std::max(result.bound_us, apart_us + other_bound_us);
    result.offset =
        Duration(wrapping_sum(result.offset.count(), nanoseconds(least / 2 + most / 2)));
    result.bound_us = result.error_us = most / 2 - least / 2;
    result.is_contested = true;
    return result;
  }
  // Errors of one path are the same for both ends: no better than the better of the two.
  const bool is_better = edge.error_us_at(now) <= reverse->error_us_at(now);
  const double best = std::clamp(is_better ? 0 : apart_us, low, high);
  result.offset = Duration(wrapping_sum(result.offset.count(), nanoseconds(best)));
  result.bound_us = std::max(high - best, best - low);
  result.error_us = std::min(result.error_us, reverse->error_us_at(now));
  return result;
}

void ClockEdges::take_verdicts(std::span<const ClockMeasurement> measurements) {
  for (const ClockMeasurement& measurement : measurements) {
    Pair& pair = pair_of(measurement.from, measurement.to);
    if (measurement.verdict != EdgeVerdict::kContradicts) {
      pair = Pair{};
      continue;
    }
    const bool fits = std::abs(measurement.residual_us) <= measurement.bound_us;
    pair.fits_again = pair.is_rejected && fits ? pair.fits_again + 1 : 0;
    pair.is_rejected = pair.fits_again < kFitsToReturn;
  }
}

}  // namespace echostream::timing
