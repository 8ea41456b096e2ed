#include "runtime/api/node_clock_service.h"

#include <algorithm>

namespace echostream::internal {
namespace {

// Sessions measure once a second or more often; looking twice as often adds little delay to that.
constexpr Duration kLookInterval = std::chrono::milliseconds(500);
constexpr Duration kReportInterval = std::chrono::seconds(1);
// From one peer. Those of an honest one come once a second, and a few more when things change.
constexpr Duration kLeastBetweenReports = std::chrono::milliseconds(100);

}  // namespace

NodeClockService::NodeClockService(Executor& executor,
                                   const std::vector<std::shared_ptr<SessionState>>& sessions,
                                   timing::NodeId self, std::uint64_t timescale,
                                   const SharedClockOptions& options)
    : executor_(executor),
      sessions_(sessions),
      clock_(self, timescale, timing::NodeClockOptions{options.reference}) {
  executor_.arm(*this, executor_.now());
}

void NodeClockService::handle_report(SessionState& session, const timing::NodeClockReport& report) {
  const LocalTime now = executor_.now();
  PeerNode& peer = session.peer_node();
  if (peer.id && now - peer.last_report < kLeastBetweenReports) return;
  // It cannot become another node in the middle of a session.
  if (peer.id && *peer.id != report.node) return;
  const bool is_new = !peer.id;
  peer.id = report.node;
  peer.last_report = now;
  clock_.handle_report(report, now);
  if (is_new) executor_.arm(*this, now);
}

void NodeClockService::forget(const SessionState& session) {
  const std::optional<std::uint64_t> id = session.peer_node().id;
  if (!id) return;
  // Two nodes may have two sessions.
  const bool has_another = std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& other) {
    return other.get() != &session && other->is_open() && other->peer_node().id == id;
  });
  if (!has_another) clock_.remove_peer(*id, executor_.now());
}

void NodeClockService::on_timer(LocalTime now) {
  for (const auto& session : sessions_) {
    const std::optional<std::uint64_t> id = session->peer_node().id;
    if (!id || !session->is_open() || !session->clock().is_known()) continue;
    clock_.set_peer(*id, session->clock().estimate(now), now);
  }
  clock_.update(now);
  if (now >= next_report_) tell_peers(now);
  executor_.arm(*this, now + kLookInterval);
}

void NodeClockService::tell_peers(LocalTime now) {
  next_report_ = now + kReportInterval;
  clock_.make_report(now, report_);
  for (const auto& session : sessions_) session->engine().send_clock_report(report_);
}

}  // namespace echostream::internal
