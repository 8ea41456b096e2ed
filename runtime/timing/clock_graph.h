// Many clocks, and measurements between pairs of them: where each clock stands against one of them,
// and which measurement cannot be true. No I/O, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "echostream/base/time.h"

namespace echostream::timing {

/// What the loops say of a measurement.
enum class EdgeVerdict : std::uint8_t {
  kFits,         // or there is no loop that could tell
  kAsymmetric,   // true within its bound, but worse than its estimated error: an asymmetric path
  kDisputed,     // one of several that contradict each other, or its two ends do: who lies cannot
                 // be told
  kContradicts,  // its bound cannot be true: left out
};

/// Clock `to` minus clock `from`, seen once; all measurements of one solution are of one moment.
struct ClockMeasurement {
  std::size_t from = 0;
  std::size_t to = 0;
  Duration offset{};
  double bound_us = 0;  // the truth is within
  double error_us = 0;  // and probably within that
  double skew_ppm = 0;
  /// Its two ends say different things; the bound covers both.
  bool is_contested = false;
  /// Before solve(): kContradicts leaves it out. After: the verdict.
  EdgeVerdict verdict = EdgeVerdict::kFits;
  /// After solve(): measured minus what all measurements together say.
  double residual_us = 0;
};

/// The most probable offsets are the weighted least squares of all measurements, weights being the
/// inverse squares of the estimated errors. The hard bounds of each clock are the intersection of
/// what all paths to it promise (Marzullo's intersection, where a source is a path), which are
/// shortest paths in the graph of difference constraints.
///
/// When the bounds contradict each other, somebody lies. Marzullo would drop the minority; here the
/// measurement with the largest normalised residual goes, the usual test for bad data in networks
/// of measurements (Handschin et al. 1975, Abur and Exposito 2004, chapter 5), until the rest
/// agrees. Where a loop has no second loop beside it, all its members are equally suspect: they
/// stay, with bounds wide enough for any of them to be the liar.
///
/// Dense: O(nodes^3 + nodes * measurements) for each solution, of which there are at most eight for
/// one solve(). Nothing is allocated after the constructor.
class ClockGraph {
 public:
  struct Node {
    bool is_reachable = false;
    /// Against the root, and around that in us.
    Duration offset{};
    double low_us = 0;
    double high_us = 0;
    double error_us = 0;
    double skew_ppm = 0;
    /// No disputed measurement lies on the best path to it.
    bool is_undisputed = true;
  };

  ClockGraph(std::size_t max_nodes, std::size_t max_measurements);

  void solve(std::size_t nodes, std::size_t root, std::span<ClockMeasurement> measurements);
  const Node& node(std::size_t index) const { return nodes_[index]; }

 private:
  // What one solution works with: the measurement, less the offsets that the tree gives.
  struct Edge {
    std::size_t from = 0;
    std::size_t to = 0;
    double rest_us = 0;
    double bound_us = 0;
    double error_us = 0;
    double sigma_us = 0;     // of this solution
    double normalised = 0;   // residual over its own standard deviation; 0 without a loop
    double deletion_us = 0;  // residual if it were not there itself
    std::size_t origin = 0;  // its measurement
  };

  bool is_active(const ClockMeasurement& measurement) const;
  void list_ways();
  void span_tree();
  std::size_t nearest_undone() const;
  void attach(std::size_t node);
  void take_edges();
  bool find_bounds();
  bool relax();
  void solve_least_squares();
  void fill_normal_equations();
  void factorise();
  void invert();
  void find_residuals();
  double covariance(std::size_t a, std::size_t b) const;
  void resolve_contradictions();
  void judge_contradiction(bool is_last);
  void find_asymmetries();
  void write_results();

  std::size_t count_ = 0;
  std::size_t root_ = 0;
  std::span<ClockMeasurement> measurements_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<double> widening_us_;  // of each measurement's bound
  // Least squares: unknowns are the reachable nodes but the root.
  std::vector<std::size_t> unknown_of_;
  std::size_t unknowns_ = 0;
  std::vector<double> matrix_;  // normal equations, then their factor
  std::vector<double> inverse_;
  std::vector<double> solution_;
  double stress_ = 1;
  // Of the spanning tree: the measurements at each node, one node after the other.
  std::vector<std::size_t> first_way_;
  std::vector<std::size_t> ways_;
  std::vector<double> distance_us_;
  std::vector<std::size_t> parent_;
  std::vector<char> is_done_;
};

}  // namespace echostream::timing
