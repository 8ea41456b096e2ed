// One clock for many nodes: what each session knows of its peer's, and what the peers say of the
// others', as one time scale that all of them share. No I/O, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/clock.h"

#include "runtime/timing/clock_edges.h"
#include "runtime/timing/clock_graph.h"
#include "runtime/timing/reference_election.h"
#include "runtime/timing/slewed_offset.h"

namespace echostream::timing {

/// One of the sender's sessions: the peer's clock minus the sender's, at NodeClockReport::sent.
struct ReportedEdge {
  NodeId peer = 0;
  Duration offset{};
  double skew_ppm = 0;
  Duration bound{};
  Duration estimated_error{};
};

/// What nodes tell their peers, about once a second and when the reference changes.
struct NodeClockReport {
  NodeId node = 0;
  /// When it was made, on the sender's clock.
  RemoteTime sent{};
  NodeId reference = 0;
  std::uint64_t timescale = 0;
  /// The reference counts up with each report of its own; the others pass on what they last heard.
  /// A number that stands still means that the reference is gone, however often it is repeated.
  std::uint64_t beat = 0;
  /// Sessions between the sender and the reference, and the first of them.
  std::uint32_t hops = 0;
  NodeId via = 0;
  bool is_shared = false;
  /// The shared time minus the sender's clock, at `sent`.
  Duration offset{};
  double skew_ppm = 0;
  Duration bound{};
  Duration estimated_error{};
  std::vector<ReportedEdge> edges;
};

/// Another node's clock minus ours.
struct NodeOffset {
  Duration offset{};
  Duration bound{};
  Duration estimated_error{};
};

/// A measurement that does not fit the others.
struct ClockAlarm {
  NodeId from = 0;
  NodeId to = 0;
  EdgeVerdict verdict = EdgeVerdict::kFits;
  /// Measured minus what the others say.
  Duration residual{};
};

struct NodeClockOptions {
  /// The node whose clock it is to be; none: the lowest id of those that can reach each other. All
  /// nodes should be told the same.
  std::optional<NodeId> reference;
  /// Of which at most so many are kept apart, this one included. Peers have precedence.
  std::size_t max_nodes = 64;
};

/// Use: set_peer() and handle_report() as news come; update(now) at next_deadline(); make_report()
/// for each peer once a second. Estimates are of the last update(), and predicted from there.
///
/// The shared time never runs backwards while the scale stays the same (NodeClockEstimate::
/// timescale): when a reference is lost the next one goes on from the time it has.
///
/// Peers are believed within limits: a report tells of its sender's own sessions and claim only, is
/// checked against all other measurements (alarms()), and is forgotten after some seconds.
class NodeClock {
 public:
  /// `timescale`: a random number.
  NodeClock(NodeId self, std::uint64_t timescale, const NodeClockOptions& options = {});

  /// The session's estimate of its peer's clock, as of `now`: with every exchange, or at least once
  /// a second.
  void set_peer(NodeId peer, const ClockEstimate& estimate, LocalTime now);
  /// The session has closed.
  void remove_peer(NodeId peer, LocalTime now);
  void handle_report(const NodeClockReport& report, LocalTime now);
  /// For all peers. Fills `report`, whose memory is used again.
  void make_report(LocalTime now, NodeClockReport& report);

  /// Elects, solves, corrects. Does little when nothing is due.
  void update(LocalTime now);
  LocalTime next_deadline() const noexcept { return next_update_; }

  NodeClockEstimate estimate(LocalTime now) const;
  NodeTime to_node_time(LocalTime time) const;
  LocalTime to_local(NodeTime time) const;
  /// None while nothing leads to that node.
  std::optional<NodeOffset> offset_of(NodeId node, LocalTime now) const;
  std::span<const ClockAlarm> alarms() const noexcept { return alarms_; }

 private:
  // What is known of one node; place 0 is this node.
  struct Known {
    bool is_used = false;
    bool is_peer = false;
    bool is_solved = false;  // the graph's node at this place is this one
    NodeId id = 0;
    // Its claim.
    bool has_claim = false;
    ReferenceClaim claim;
    std::uint64_t beat = 0;
    LocalTime beat_moved{};
    std::uint32_t hops = 0;
    NodeId via = 0;
    // The scale against its clock.
    ClockEdge scale;
  };

  std::optional<std::size_t> find(NodeId id) const;
  std::optional<std::size_t> find_or_add(NodeId id, bool is_peer);
  void remove_node(std::size_t place);
  void expire(LocalTime now);
  LocalTime sending_time(std::size_t place, RemoteTime sent, LocalTime now);
  void take_claim(Known& known, const NodeClockReport& report, LocalTime sent, LocalTime now);
  void mark_changed(LocalTime now);

  void elect(LocalTime now);
  bool has_fresh_claim(const Known& known, LocalTime now) const;
  bool is_upstream(const Known& known, LocalTime now) const;
  void solve(LocalTime now);
  void add_timescale(LocalTime now);
  void raise_alarms();
  void correct_output(LocalTime now);
  std::size_t timescale_place() const noexcept { return known_.size(); }

  std::vector<Known> known_;
  ClockEdges edges_;
  std::vector<ReferenceClaim> claims_;
  std::vector<ClockMeasurement> measurements_;
  std::vector<ClockAlarm> alarms_;
  ClockGraph graph_;
  ReferenceElection election_;
  SlewedOffset output_;

  std::uint64_t own_beat_ = 0;
  std::uint64_t shown_timescale_;
  bool was_reference_ = true;
  bool is_disputed_ = false;
  bool is_acquired_ = true;
  std::uint32_t hops_ = 0;
  NodeId via_;
  std::uint64_t beat_ = 0;
  // Of the line that the output follows.
  LocalTime solved_at_{};
  double bound_us_ = 0;
  double error_us_ = 0;
  double skew_ppm_ = 0;
  LocalTime heard_at_{};
  LocalTime last_solution_ = LocalTime::min();
  LocalTime next_update_ = LocalTime::min();
};

}  // namespace echostream::timing
