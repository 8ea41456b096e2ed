// What is measured between pairs of nodes: kept by pair, aged, and made ready for ClockGraph. No
// I/O, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "echostream/base/time.h"

#include "runtime/timing/clock_graph.h"

namespace echostream::timing {

/// Clock `to` minus clock `from`, as of `at` on the local clock.
struct ClockEdge {
  std::size_t from = 0;
  std::size_t to = 0;
  LocalTime at{};
  Duration offset{};
  double skew_ppm = 0;
  double bound_us = 0;
  double error_us = 0;
  /// Of the skew: how fast the bound grows while the edge is not measured anew.
  double doubt_ppm = 0;

  double age_seconds(LocalTime now) const noexcept;
  Duration offset_at(LocalTime now) const noexcept;
  double bound_us_at(LocalTime now) const noexcept;
  double error_us_at(LocalTime now) const noexcept;
};

/// Of what somebody told, who may say anything: finite, not negative, and with a rate that two
/// quartz clocks can differ by.
ClockEdge make_edge(Duration offset, double skew_ppm, Duration bound, Duration estimated_error,
                    LocalTime at) noexcept;

/// The estimated error grows by that share of what the bound does: as likely as it gets.
inline constexpr double kLikelyShare = 0.1;

/// One edge for each ordered pair of places, at most. Both ends of a session measure it, over the
/// same path: two views of one measurement, not two.
class ClockEdges {
 public:
  explicit ClockEdges(std::size_t max_nodes);

  void put(const ClockEdge& edge);
  void remove(std::size_t from, std::size_t to);
  void remove_from(std::size_t place);
  void remove_node(std::size_t place);
  void expire(LocalTime now, Duration life);

  const ClockEdge* find(std::size_t from, std::size_t to) const;
  bool touches(std::size_t place) const;

  /// One measurement for each pair. Of a pair that place 0 belongs to, its own view alone counts.
  void add_measurements(LocalTime now, std::vector<ClockMeasurement>& out);
  /// What the graph said of them, in the order they were added: who contradicts is left out until
  /// it has fitted for a while.
  void take_verdicts(std::span<const ClockMeasurement> measurements);

 private:
  static constexpr std::uint16_t kNone = 0xffff;

  std::uint16_t& index_of(std::size_t from, std::size_t to);
  void remove_at(std::size_t index);
  ClockMeasurement merged(const ClockEdge& edge, const ClockEdge* reverse, LocalTime now) const;

  // Of a pair, by its index with the lower place first.
  struct Pair {
    bool is_rejected = false;
    int fits_again = 0;
  };
  Pair& pair_of(std::size_t a, std::size_t b);

  std::size_t max_nodes_;
  std::vector<ClockEdge> edges_;
  std::vector<std::uint16_t> indexes_;
  std::vector<Pair> pairs_;
};

}  // namespace echostream::timing
