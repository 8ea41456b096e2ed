#include "runtime/plugins/metrics/session_figures.h"

#include <utility>

namespace echostream::internal {

SessionFigures::SessionFigures(NodeSeries& series, Session session)
    : series_(series), session_(std::move(session)) {
  series_.sessions_open.add(1);
  set_clock_state(static_cast<int>(ClockState::kAcquiring));
}

SessionFigures::~SessionFigures() {
  leave();
  series_.sessions_open.add(-1);
  set_clock_state(-1);
}

void SessionFigures::sample() {
  const SessionStats stats = session_.stats();
  add(stats);
  if (stats.smoothed_rtt > Duration{}) series_.rtt.observe(stats.smoothed_rtt);
  const ClockEstimate clock = session_.clock().estimate();
  set_clock_state(static_cast<int>(clock.state));
  if (clock.samples == 0) return;
  series_.clock_bound.observe(clock.bound);
  series_.clock_error.observe(clock.estimated_error);
}

void SessionFigures::add(const SessionStats& now) {
  const auto add_one = [this](TransportCount which, std::uint64_t value, std::uint64_t before) {
    if (value > before) series_.count(which).add(value - before);
  };
  add_one(TransportCount::kBytesSent, now.bytes_sent, last_.bytes_sent);
  add_one(TransportCount::kBytesReceived, now.bytes_received, last_.bytes_received);
  add_one(TransportCount::kPacketsSent, now.packets_sent, last_.packets_sent);
  add_one(TransportCount::kPacketsReceived, now.packets_received, last_.packets_received);
  add_one(TransportCount::kPacketsLost, now.packets_lost.value_or(0),
          last_.packets_lost.value_or(0));
  add_one(TransportCount::kDatagramsSent, now.datagram_frames_sent, last_.datagram_frames_sent);
  add_one(TransportCount::kDatagramsReceived, now.datagram_frames_received,
          last_.datagram_frames_received);
  add_one(TransportCount::kDatagramsDropped, now.datagram_frames_dropped,
          last_.datagram_frames_dropped);
  add_one(TransportCount::kDatagramsLost, now.datagram_frames_lost, last_.datagram_frames_lost);
  add_one(TransportCount::kEcnMarked, now.ecn_marked_packets_sent, last_.ecn_marked_packets_sent);
  add_one(TransportCount::kEcnCongestion, now.ecn_ce_packets_received,
          last_.ecn_ce_packets_received);
  last_ = now;
}

void SessionFigures::set_clock_state(int state) {
  const auto add = [this](int which, std::int64_t n) {
    if (which >= 0 && static_cast<std::size_t>(which) < kClockStates) {
      series_.clocks[static_cast<std::size_t>(which)].add(n);
    }
  };
  add(clock_state_, -1);
  add(state, 1);
  clock_state_ = state;
}

void OpenSessions::open(const Session& session) {
  auto& figures = sessions_[session.channel().state().get()];
  if (figures != nullptr) return;
  figures = std::make_unique<SessionFigures>(series_, session);
  sampler_.add(*figures);
  series_.count(NodeCount::kOpened).add(1);
  if (session.is_resumed()) series_.count(NodeCount::kResumed).add(1);
}

void OpenSessions::close(const Session& session, const Status& reason, const SessionStats& last) {
  const auto found = sessions_.find(session.channel().state().get());
  if (found == sessions_.end()) return;
  found->second->add(last);
  sessions_.erase(found);
  const auto code = static_cast<std::size_t>(reason.code());
  if (code < kStatusCodes) series_.sessions_closed[code].add(1);
}

}  // namespace echostream::internal
