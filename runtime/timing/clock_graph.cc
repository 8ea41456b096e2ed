#include "runtime/timing/clock_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "echostream/base/check.h"

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
// Better than any stamp; keeps the weights finite.
constexpr double kLeastErrorUs = 0.1;
// A measurement that is worse than a day says nothing; keeps sums and weights apart from infinity.
constexpr double kMostUs = 1e11;
// Sums of doubles of up to an hour in us are exact to that.
constexpr double kRoundingUs = 1e-3;
// Each rejection costs a solution. More liars than that at once: all that is left is disputed
// (until the next time: what was rejected stays so).
constexpr int kMostRejections = 4;
constexpr int kMostAsymmetries = 3;
// Estimated errors hold for 99 of 100: twice that is five standard deviations, which is no chance
// even among two thousand measurements.
constexpr double kAsymmetryThreshold = 2;
// In a loop without others the normalised residuals are equal but for rounding.
constexpr double kTie = 0.999;
// The share of its own variance that a measurement must leave open to be checked by others.
constexpr double kLeastRedundancy = 1e-9;

}  // namespace

ClockGraph::ClockGraph(std::size_t max_nodes, std::size_t max_measurements)
    : nodes_(max_nodes),
      widening_us_(max_measurements),
      unknown_of_(max_nodes),
      matrix_(max_nodes * max_nodes),
      inverse_(max_nodes * max_nodes),
      solution_(max_nodes),
      first_way_(max_nodes + 2),
      ways_(2 * max_measurements),
      distance_us_(max_nodes),
      parent_(max_nodes),
      is_done_(max_nodes) {
  edges_.reserve(max_measurements);
}

void ClockGraph::solve(std::size_t nodes, std::size_t root,
                       std::span<ClockMeasurement> measurements) {
  ECHOSTREAM_CHECK(
      nodes <= nodes_.size() && root < nodes && measurements.size() <= widening_us_.size(),
      "a clock graph larger than it was made for");
  count_ = nodes;
  root_ = root;
  measurements_ = measurements;
  for (ClockMeasurement& measurement : measurements) {
    measurement.bound_us = std::clamp(measurement.bound_us, 0.0, kMostUs);
    measurement.error_us = std::clamp(measurement.error_us, 0.0, measurement.bound_us);
    if (!is_active(measurement)) continue;
    measurement.verdict = measurement.is_contested ? EdgeVerdict::kDisputed : EdgeVerdict::kFits;
  }
  std::fill(widening_us_.begin(), widening_us_.end(), 0.0);
  list_ways();
  resolve_contradictions();
  find_asymmetries();
  write_results();
}

bool ClockGraph::is_active(const ClockMeasurement& measurement) const {
  return measurement.verdict != EdgeVerdict::kContradicts;
}

// ---- Offsets to start from

// Counting sort: first_way_[i] to first_way_[i + 1] are the measurements at node i.
void ClockGraph::list_ways() {
  std::fill(first_way_.begin(), first_way_.end(), 0);
  for (const ClockMeasurement& way : measurements_) {
    ++first_way_[way.from + 2];
    ++first_way_[way.to + 2];
  }
  for (std::size_t i = 2; i < first_way_.size(); ++i) first_way_[i] += first_way_[i - 1];
  // Filling a node's part moves its start on to where the next one's is.
  for (std::size_t i = 0; i < measurements_.size(); ++i) {
    ways_[first_way_[measurements_[i].from + 1]++] = i;
    ways_[first_way_[measurements_[i].to + 1]++] = i;
  }
}

// The tree of best bounds (Prim) gives each node an offset, exact in nanoseconds whatever the
// epochs; all that follows works on what measurements differ from it.
void ClockGraph::span_tree() {
  std::fill_n(distance_us_.begin(), count_, kInfinity);
  std::fill_n(parent_.begin(), count_, kNone);
  std::fill_n(is_done_.begin(), count_, 0);
  std::fill_n(nodes_.begin(), count_, Node{});
  distance_us_[root_] = 0;
  for (std::size_t node = root_; node != kNone; node = nearest_undone()) {
    is_done_[node] = 1;
    attach(node);
    for (std::size_t k = first_way_[node]; k < first_way_[node + 1]; ++k) {
      const ClockMeasurement& way = measurements_[ways_[k]];
      const std::size_t other = way.from == node ? way.to : way.from;
      const double length = way.bound_us + widening_us_[ways_[k]];
      if (!is_active(way) || is_done_[other] != 0 || length >= distance_us_[other]) continue;
      distance_us_[other] = length;
      parent_[other] = ways_[k];
    }
  }
}

std::size_t ClockGraph::nearest_undone() const {
  std::size_t nearest = kNone;
  for (std::size_t i = 0; i < count_; ++i) {
    if (is_done_[i] != 0 || distance_us_[i] == kInfinity) continue;
    if (nearest == kNone || distance_us_[i] < distance_us_[nearest]) nearest = i;
  }
  return nearest;
}

void ClockGraph::attach(std::size_t index) {
  Node& node = nodes_[index];
  node.is_reachable = true;
  if (index == root_) return;
  const ClockMeasurement& way = measurements_[parent_[index]];
  const bool is_forward = way.to == index;
  const Node& before = nodes_[is_forward ? way.from : way.to];
  const std::int64_t offset = way.offset.count();
  node.offset = Duration(is_forward ? wrapping_sum(before.offset.count(), offset)
                                    : wrapping_difference(before.offset.count(), offset));
  node.skew_ppm = before.skew_ppm + (is_forward ? way.skew_ppm : -way.skew_ppm);
  node.is_undisputed = before.is_undisputed && way.verdict != EdgeVerdict::kDisputed;
}

void ClockGraph::take_edges() {
  edges_.clear();
  for (std::size_t i = 0; i < measurements_.size(); ++i) {
    const ClockMeasurement& measurement = measurements_[i];
    if (!is_active(measurement) || !nodes_[measurement.from].is_reachable) continue;
    if (measurement.from == measurement.to) continue;
    const std::int64_t by_tree = wrapping_difference(nodes_[measurement.to].offset.count(),
                                                     nodes_[measurement.from].offset.count());
    Edge edge;
    edge.from = measurement.from;
    edge.to = measurement.to;
    edge.rest_us =
        static_cast<double>(wrapping_difference(measurement.offset.count(), by_tree)) * 1e-3;
    edge.bound_us = measurement.bound_us + widening_us_[i];
    edge.error_us = widening_us_[i] > 0 ? edge.bound_us : measurement.error_us;
    edge.origin = i;
    edges_.push_back(edge);
  }
}

// ---- Hard bounds

// Bellman and Ford on the difference constraints, upward and downward. False: they contradict each
// other.
bool ClockGraph::find_bounds() {
  for (std::size_t i = 0; i < count_; ++i) {
    nodes_[i].low_us = i == root_ ? 0 : -kInfinity;
    nodes_[i].high_us = i == root_ ? 0 : kInfinity;
  }
  for (std::size_t round = 0; round <= count_; ++round) {
    if (!relax()) return true;
    if (nodes_[root_].high_us < 0 || nodes_[root_].low_us > 0) return false;
  }
  return false;
}

bool ClockGraph::relax() {
  bool has_changed = false;
  const auto lower = [&](double& high, double to) {
    if (to >= high - kRoundingUs) return;
    high = to;
    has_changed = true;
  };
  const auto raise = [&](double& low, double to) {
    if (to <= low + kRoundingUs) return;
    low = to;
    has_changed = true;
  };
  for (const Edge& edge : edges_) {
    Node& from = nodes_[edge.from];
    Node& to = nodes_[edge.to];
    lower(to.high_us, from.high_us + edge.rest_us + edge.bound_us);
    lower(from.high_us, to.high_us - edge.rest_us + edge.bound_us);
    raise(to.low_us, from.low_us + edge.rest_us - edge.bound_us);
    raise(from.low_us, to.low_us - edge.rest_us - edge.bound_us);
  }
  return has_changed;
}

void ClockGraph::resolve_contradictions() {
  for (int round = 0; round <= kMostRejections + 1; ++round) {
    span_tree();
    take_edges();
    if (find_bounds()) return;
    for (Edge& edge : edges_) edge.sigma_us = edge.bound_us;
    solve_least_squares();
    judge_contradiction(round >= kMostRejections);
  }
  // Not reached in theory: the last judgement widens each bound beyond its residual. Should
  // rounding of absurd numbers get here, nothing is known.
  for (std::size_t i = 0; i < count_; ++i) nodes_[i].is_reachable = i == root_;
  take_edges();
  (void)find_bounds();
}

void ClockGraph::judge_contradiction(bool is_last) {
  double worst = 0;
  for (const Edge& edge : edges_) worst = std::max(worst, edge.normalised);
  const Edge* suspect = nullptr;
  std::size_t suspects = 0;
  for (const Edge& edge : edges_) {
    if (edge.normalised < worst * kTie || edge.normalised == 0) continue;
    suspect = &edge;
    ++suspects;
  }
  if (suspects == 1 && !is_last) {
    measurements_[suspect->origin].verdict = EdgeVerdict::kContradicts;
    return;
  }
  for (const Edge& edge : edges_) {
    if (edge.normalised == 0 || (!is_last && edge.normalised < worst * kTie)) continue;
    measurements_[edge.origin].verdict = EdgeVerdict::kDisputed;
    // The lie is at most what the others say plus their bounds; they contradict it, so that their
    // bounds are less than the difference.
    widening_us_[edge.origin] += 2 * std::abs(edge.deletion_us);
  }
}

// ---- Least squares

void ClockGraph::solve_least_squares() {
  fill_normal_equations();
  factorise();
  invert();
  for (std::size_t row = 0; row < unknowns_; ++row) {
    matrix_[row] = 0;  // The factor is not needed any more: its first row takes the solution.
    for (std::size_t column = 0; column < unknowns_; ++column)
      matrix_[row] += inverse_[row * unknowns_ + column] * solution_[column];
  }
  std::copy_n(matrix_.begin(), unknowns_, solution_.begin());
  find_residuals();
}

void ClockGraph::fill_normal_equations() {
  unknowns_ = 0;
  for (std::size_t i = 0; i < count_; ++i)
    unknown_of_[i] = i != root_ && nodes_[i].is_reachable ? unknowns_++ : kNone;
  std::fill_n(matrix_.begin(), unknowns_ * unknowns_, 0.0);
  std::fill_n(solution_.begin(), unknowns_, 0.0);
  for (Edge& edge : edges_) {
    edge.sigma_us = std::max(edge.sigma_us, kLeastErrorUs);
    const double weight = 1 / (edge.sigma_us * edge.sigma_us);
    const std::size_t from = unknown_of_[edge.from];
    const std::size_t to = unknown_of_[edge.to];
    if (from != kNone) {
      matrix_[from * unknowns_ + from] += weight;
      solution_[from] -= weight * edge.rest_us;
    }
    if (to != kNone) {
      matrix_[to * unknowns_ + to] += weight;
      solution_[to] += weight * edge.rest_us;
    }
    if (from == kNone || to == kNone) continue;
    matrix_[from * unknowns_ + to] -= weight;
    matrix_[to * unknowns_ + from] -= weight;
  }
}

// Cholesky: the lower triangle becomes the factor, and the upper one its transpose. The matrix is
// positive definite, as each unknown is tied to the root.
void ClockGraph::factorise() {
  const std::size_t n = unknowns_;
  for (std::size_t column = 0; column < n; ++column) {
    double* const pivot_row = &matrix_[column * n];
    double pivot = pivot_row[column];
    const double before = pivot;
    for (std::size_t k = 0; k < column; ++k) pivot -= pivot_row[k] * pivot_row[k];
    // What rounding leaves of weights that are twelve decades apart.
    pivot = std::sqrt(std::max(pivot, before * 1e-15));
    pivot_row[column] = pivot;
    for (std::size_t row = column + 1; row < n; ++row) {
      double* const target = &matrix_[row * n];
      double value = target[column];
      for (std::size_t k = 0; k < column; ++k) value -= target[k] * pivot_row[k];
      pivot_row[row] = target[column] = value / pivot;
    }
  }
}

// Column by column: L y = e, L' x = y. The covariance of the solution.
void ClockGraph::invert() {
  const std::size_t n = unknowns_;
  for (std::size_t column = 0; column < n; ++column) {
    double* const x = &inverse_[column * n];
    for (std::size_t row = 0; row < n; ++row) {
      double value = row == column ? 1 : 0;
      for (std::size_t k = column; k < row; ++k) value -= matrix_[row * n + k] * x[k];
      x[row] = row < column ? 0 : value / matrix_[row * n + row];
    }
    for (std::size_t row = n; row-- > 0;) {
      double value = x[row];
      for (std::size_t k = row + 1; k < n; ++k) value -= matrix_[row * n + k] * x[k];
      x[row] = value / matrix_[row * n + row];
    }
  }
}

double ClockGraph::covariance(std::size_t a, std::size_t b) const {
  const std::size_t row = unknown_of_[a];
  const std::size_t column = unknown_of_[b];
  return row == kNone || column == kNone ? 0 : inverse_[row * unknowns_ + column];
}

void ClockGraph::find_residuals() {
  const auto value_of = [&](std::size_t node) {
    return unknown_of_[node] == kNone ? 0 : solution_[unknown_of_[node]];
  };
  double sum = 0;
  for (Edge& edge : edges_) {
    const double residual = edge.rest_us - (value_of(edge.to) - value_of(edge.from));
    const double variance = edge.sigma_us * edge.sigma_us;
    const double explained = covariance(edge.from, edge.from) + covariance(edge.to, edge.to) -
                             2 * covariance(edge.from, edge.to);
    const double open = variance - explained;
    const bool is_checked = open > variance * kLeastRedundancy;
    edge.normalised = is_checked ? std::abs(residual) / std::sqrt(open) : 0;
    edge.deletion_us = is_checked ? residual * variance / open : 0;
    sum += residual * residual / variance;
    measurements_[edge.origin].residual_us = residual;
  }
  // Errors that are greater than they were said to be, on the whole (Birge's ratio).
  const std::size_t loops = edges_.size() - std::min(edges_.size(), unknowns_);
  stress_ = loops > 0 ? std::max(1.0, std::sqrt(sum / static_cast<double>(loops))) : 1.0;
}

// Nobody lies, but paths are asymmetric: then an estimated error is too small, by an amount that a
// loop shows. Such a measurement counts for no more than its hard bound.
void ClockGraph::find_asymmetries() {
  for (int round = 0;; ++round) {
    for (Edge& edge : edges_) {
      const bool is_trusted = measurements_[edge.origin].verdict == EdgeVerdict::kFits;
      edge.sigma_us = is_trusted ? edge.error_us : edge.bound_us;
    }
    solve_least_squares();
    if (round == kMostAsymmetries) return;
    double worst = kAsymmetryThreshold;
    for (const Edge& edge : edges_) {
      if (measurements_[edge.origin].verdict == EdgeVerdict::kFits)
        worst = std::max(worst, edge.normalised);
    }
    if (worst == kAsymmetryThreshold) return;
    for (const Edge& edge : edges_) {
      ClockMeasurement& measurement = measurements_[edge.origin];
      if (measurement.verdict == EdgeVerdict::kFits && edge.normalised >= worst * kTie)
        measurement.verdict = EdgeVerdict::kAsymmetric;
    }
  }
}

void ClockGraph::write_results() {
  for (std::size_t i = 0; i < count_; ++i) {
    Node& node = nodes_[i];
    if (!node.is_reachable || i == root_) continue;
    const std::size_t unknown = unknown_of_[i];
    // Most probable, but not outside of what is certain.
    const double best = std::clamp(solution_[unknown], std::min(node.low_us, node.high_us),
                                   std::max(node.low_us, node.high_us));
    node.offset = Duration(wrapping_sum(node.offset.count(), nanoseconds(best)));
    node.low_us = std::min(node.low_us - best, 0.0);
    node.high_us = std::max(node.high_us - best, 0.0);
    node.error_us = std::sqrt(std::max(inverse_[unknown * unknowns_ + unknown], 0.0)) * stress_;
    node.error_us = std::min(node.error_us, std::max(-node.low_us, node.high_us));
  }
  // What was left out is compared with the rest all the same: it may be right again.
  for (ClockMeasurement& measurement : measurements_) {
    if (measurement.verdict != EdgeVerdict::kContradicts) continue;
    const std::int64_t all = wrapping_difference(nodes_[measurement.to].offset.count(),
                                                 nodes_[measurement.from].offset.count());
    measurement.residual_us =
        static_cast<double>(wrapping_difference(measurement.offset.count(), all)) * 1e-3;
  }
}

}  // namespace echostream::timing
