// Nodes with drifting clocks, sessions between them, and the reports that they send each other:
// what the tests of NodeClock run in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "runtime/timing/node_clock.h"

namespace echostream::timing {

inline double us_of(Duration time) { return static_cast<double>(time.count()) * 1e-3; }

inline Duration wrapping_shift(Duration a, std::uint64_t b) {
  return Duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(a.count()) + b));
}

// Nodes with clocks of any epoch that drift, sessions that measure them with an error, and reports
// once a second with a delay.
class NodeWorld {
 public:
  struct Node {
    NodeId id = 0;
    std::uint64_t epoch = 0;
    double drift_ppm = 0;
    std::unique_ptr<NodeClock> clock;
    std::uint64_t last_shown = 0;
    std::uint64_t last_timescale = 0;
    Duration lie{};  // added to the clock in all reports of its sessions and claims
  };
  struct Session {
    NodeId a = 0;
    NodeId b = 0;
    double bias_us = 0;  // an asymmetric path's
    double noise_us = 5;
    double bound_us = 200;
    Duration delay = std::chrono::milliseconds(1);
    double lie_us = 0;  // beyond its bound
  };

  explicit NodeWorld(std::uint64_t seed) : random_(seed) {}

  void add(NodeId id, const NodeClockOptions& options = {}) {
    Node node;
    node.id = id;
    node.epoch = random_();
    node.drift_ppm = uniform(-80, 80);
    node.clock = std::make_unique<NodeClock>(id, random_(), options);
    nodes_.emplace(id, std::move(node));
  }
  Session& connect(NodeId a, NodeId b) {
    sessions_.push_back(std::make_unique<Session>());
    sessions_.back()->a = a;
    sessions_.back()->b = b;
    return *sessions_.back();
  }
  void connect_all() {
    for (const auto& [a, first] : nodes_)
      for (const auto& [b, second] : nodes_)
        if (a < b) connect(a, b);
  }
  void disconnect(NodeId a, NodeId b) {
    std::erase_if(sessions_, [&](const auto& session) {
      if ((session->a != a || session->b != b) && (session->a != b || session->b != a))
        return false;
      node(a).clock->remove_peer(b, local(node(a)));
      node(b).clock->remove_peer(a, local(node(b)));
      return true;
    });
  }
  void remove(NodeId id) {
    std::vector<NodeId> others;
    for (const auto& session : sessions_) {
      if (session->a == id) others.push_back(session->b);
      if (session->b == id) others.push_back(session->a);
    }
    for (const NodeId other : others) disconnect(id, other);
    nodes_.erase(id);
    std::erase_if(mail_, [&](const Mail& mail) { return mail.to == id || mail.report.node == id; });
  }
  Node& node(NodeId id) { return nodes_.at(id); }
  NodeClock& clock(NodeId id) { return *node(id).clock; }

  void run(Duration time) {
    for (const Duration end = now_ + time; now_ < end; now_ += std::chrono::milliseconds(20))
      step();
  }

  // The shared time that two nodes show at the same moment, apart.
  double apart_us(NodeId a, NodeId b) {
    const std::uint64_t first = shown(node(a));
    const std::uint64_t second = shown(node(b));
    return static_cast<double>(static_cast<std::int64_t>(first - second)) * 1e-3;
  }
  std::uint64_t shown(const Node& node) const {
    return static_cast<std::uint64_t>(
        node.clock->to_node_time(local(node)).time_since_epoch().count());
  }
  NodeClockEstimate estimate(NodeId id) { return clock(id).estimate(local(node(id))); }
  // Against the reference itself.
  void expect_in_step(double within_us) {
    for (const auto& [id, node] : nodes_) {
      const NodeClockEstimate told = estimate(id);
      EXPECT_EQ(told.state, ClockState::kTracking) << "node " << id;
      const double error = apart_us(id, told.reference);
      EXPECT_NEAR(error, 0, within_us) << "node " << id;
      EXPECT_LE(std::abs(error), us_of(told.bound) + 0.01) << "node " << id;
    }
  }
  LocalTime local(const Node& node) const {
    const double drift = static_cast<double>(now_.count()) * node.drift_ppm * 1e-6;
    return LocalTime(wrapping_shift(now_ + Duration(static_cast<std::int64_t>(drift)), node.epoch));
  }
  // True clock of `to` minus clock of `from`.
  Duration truth(const Node& from, const Node& to) const {
    return wrapping_shift(local(to).time_since_epoch(),
                          0 - static_cast<std::uint64_t>(local(from).time_since_epoch().count()));
  }
  double uniform(double least, double most) {
    return least + (most - least) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

  std::uint64_t backward_steps = 0;
  std::uint64_t scale_changes = 0;

 private:
  struct Mail {
    Duration due{};
    NodeId to = 0;
    NodeClockReport report;
  };

  void step() {
    if (now_ % std::chrono::milliseconds(200) == Duration::zero()) {
      for (const auto& session : sessions_) {
        measure(*session, node(session->a), node(session->b), 1);
        measure(*session, node(session->b), node(session->a), -1);
      }
    }
    if (now_ % std::chrono::seconds(1) == Duration::zero()) send_reports();
    for (std::size_t i = 0; i < mail_.size();) {
      if (mail_[i].due > now_) {
        ++i;
        continue;
      }
      Mail mail = std::move(mail_[i]);
      mail_.erase(mail_.begin() + static_cast<std::ptrdiff_t>(i));
      if (nodes_.contains(mail.to)) clock(mail.to).handle_report(mail.report, local(node(mail.to)));
    }
    for (auto& [id, node] : nodes_) {
      watch(node);  // Before and after, at the same moment: no step backwards, however small.
      node.clock->update(local(node));
      watch(node);
    }
  }
  void measure(const Session& session, Node& from, Node& to, double sign) {
    ClockEstimate estimate;
    estimate.state = ClockState::kTracking;
    estimate.samples = 100;
    const double error =
        sign * (session.bias_us + session.lie_us) + uniform(-session.noise_us, session.noise_us);
    estimate.offset = truth(from, to) + Duration(static_cast<std::int64_t>(error * 1e3));
    estimate.skew_ppm = (1 + to.drift_ppm * 1e-6) / (1 + from.drift_ppm * 1e-6) * 1e6 - 1e6;
    estimate.bound = Duration(static_cast<std::int64_t>(session.bound_us * 1e3));
    estimate.estimated_error = Duration(static_cast<std::int64_t>(session.noise_us * 1e3));
    from.clock->set_peer(to.id, estimate, local(from));
  }
  void send_reports() {
    for (auto& [id, node] : nodes_) {
      NodeClockReport report;
      node.clock->make_report(local(node), report);
      report.offset += node.lie;
      for (ReportedEdge& edge : report.edges) edge.offset += node.lie;
      for (const auto& session : sessions_) {
        if (session->a != id && session->b != id) continue;
        mail_.push_back(
            {now_ + session->delay, session->a == id ? session->b : session->a, report});
      }
    }
  }
  void watch(Node& node) {
    const std::uint64_t time = shown(node);
    const std::uint64_t timescale = node.clock->estimate(local(node)).timescale;
    if (node.last_timescale == timescale) {
      if (static_cast<std::int64_t>(time - node.last_shown) < 0) ++backward_steps;
    } else if (node.last_timescale != 0) {
      ++scale_changes;
    }
    node.last_shown = time;
    node.last_timescale = timescale;
  }

  std::mt19937_64 random_;
  std::map<NodeId, Node> nodes_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Mail> mail_;
  Duration now_{};
};

}  // namespace echostream::timing
