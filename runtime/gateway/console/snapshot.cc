#include "runtime/gateway/console/snapshot.h"

#include <algorithm>
#include <string>
#include <utility>

#include "echostream/node_stats.h"

#include "runtime/api/session_state.h"
#include "runtime/gateway/console/console_service.h"

namespace echostream::gateway {
namespace {

// Kept in Session::state().
struct SessionNumber {
  std::uint64_t value = 0;
};

double in_ms(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::string name_of(const PeerIdentity& peer) {
  if (!peer.common_name().empty()) return peer.common_name();
  for (const auto* names : {&peer.dns_names(), &peer.uris(), &peer.ip_addresses()}) {
    if (!names->empty()) return names->front();
  }
  return {};
}

console::v1::Clock::State to_wire(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return console::v1::Clock::ACQUIRING;
    case ClockState::kTracking:
      return console::v1::Clock::TRACKING;
    case ClockState::kHoldover:
      return console::v1::Clock::HOLDOVER;
    case ClockState::kPathChanged:
      return console::v1::Clock::PATH_CHANGED;
    case ClockState::kUnreliable:
      return console::v1::Clock::UNRELIABLE;
  }
  return console::v1::Clock::UNRELIABLE;
}

void add_clock(console::v1::Session& out, const ClockEstimate& estimate) {
  if (estimate.samples == 0) return;
  console::v1::Clock& clock = *out.mutable_clock();
  clock.set_state(to_wire(estimate.state));
  clock.set_offset_ms(in_ms(estimate.offset));
  clock.set_bound_ms(in_ms(estimate.bound));
  clock.set_estimated_error_ms(in_ms(estimate.estimated_error));
  clock.set_skew_ppm(estimate.skew_ppm);
}

void add_flow(console::v1::Flow& out, const FlowMeter& meter, LocalTime now) {
  out.set_messages(meter.messages());
  out.set_bytes(meter.bytes());
  out.set_messages_per_s(meter.messages_per_s(now));
  out.set_bytes_per_s(meter.bytes_per_s(now));
}

void add_jitter_buffer(console::v1::Stream& out, const JitterBufferStats& stats) {
  if (stats.frames_emitted == 0) return;
  console::v1::JitterBuffer& buffer = *out.mutable_jitter_buffer();
  buffer.set_target_delay_ms(in_ms(stats.target_delay));
  buffer.set_current_delay_ms(in_ms(stats.current_delay));
  buffer.set_jitter_ms(in_ms(stats.jitter));
  buffer.set_frames_emitted(stats.frames_emitted);
  buffer.set_frames_lost(stats.frames_lost);
  buffer.set_frames_late(stats.frames_late);
  buffer.set_frames_dropped(stats.frames_dropped);
  buffer.set_frames_reordered(stats.frames_reordered);
  buffer.set_frames_duplicate(stats.frames_duplicate);
  buffer.set_concealed_ms(in_ms(stats.concealed));
  buffer.set_freezes(stats.freezes);
}

}  // namespace

std::uint64_t SnapshotMaker::id_of(const Session& session) {
  auto& number = session.state().get_or_emplace<SessionNumber>();
  if (number.value == 0) number.value = ++last_session_;
  return number.value;
}

console::v1::Snapshot SnapshotMaker::make(LocalTime now) {
  console::v1::Snapshot snapshot;
  snapshot.set_at_ms(in_ms(now.time_since_epoch()));
  std::vector<Session> sessions = node_.sessions();
  snapshot.set_sessions_open(static_cast<std::uint32_t>(sessions.size()));
  // Those that are not told get no number either, so that later snapshots tell of the same ones.
  std::stable_sort(sessions.begin(), sessions.end(), [](const Session& a, const Session& b) {
    return a.impl()->opened_at() < b.impl()->opened_at();
  });
  if (sessions.size() > kMostSessionsTold) {
    sessions.erase(sessions.begin() + kMostSessionsTold, sessions.end());
  }
  for (const Session& session : sessions) add_session(*snapshot.add_sessions(), session, now);
  snapshot.set_streams_running(static_cast<std::uint32_t>(streams_->all().size()));
  for (const auto& [id, stream] : streams_->all()) {
    if (static_cast<std::size_t>(snapshot.streams_size()) == kMostStreamsTold) break;
    add_stream(*snapshot.add_streams(), id, *stream, now);
  }
  snapshot.set_handlers_running(static_cast<std::uint32_t>(node_.stats().handlers_running));
  return snapshot;
}

void SnapshotMaker::add_session(console::v1::Session& out, const Session& session, LocalTime now) {
  internal::SessionState& state = *session.impl();
  const SessionStats stats = session.stats();
  out.set_id(id_of(session));
  // Of those that talk our own protocol each one may serve.
  out.set_protocol(state.link().peer_serves() ? console::v1::Session::ECHOSTREAM
                                              : console::v1::Session::HTTP3);
  if (const SocketAddress address = session.remote_address(); address.is_set()) {
    out.set_peer_address(address.to_string());
  }
  if (const auto peer = session.peer_identity()) out.set_peer_name(name_of(*peer));
  out.set_open_for_ms(in_ms(now - state.opened_at()));
  out.set_rtt_ms(in_ms(stats.smoothed_rtt));
  out.set_bytes_sent(stats.bytes_sent);
  out.set_bytes_received(stats.bytes_received);
  out.set_packets_sent(stats.packets_sent);
  if (stats.packets_lost) out.set_packets_lost(*stats.packets_lost);
  out.set_calls_running(static_cast<std::uint32_t>(state.calls_running()));
  add_clock(out, session.clock().estimate());
}

void SnapshotMaker::add_stream(console::v1::Stream& out, std::uint64_t id,
                               const RunningStream& stream, LocalTime now) {
  const InterceptedCall& call = stream.call();
  const StreamFigures& figures = stream.figures();
  out.set_id(id);
  out.set_method(std::string(call.method().full_name));
  out.set_is_served(call.side() == InterceptedCall::Side::kServer);
  if (const auto session = call.session()) out.set_session(id_of(*session));
  out.set_open_for_ms(in_ms(now - call.started_at()));
  add_flow(*out.mutable_sent(), figures.sent, now);
  add_flow(*out.mutable_received(), figures.received, now);
  out.set_frames_lost(figures.frames_lost);
  if (figures.latency) {
    out.set_latency_ms(in_ms(figures.latency->value));
    out.set_latency_bound_ms(in_ms(figures.latency->bound));
  }
  add_jitter_buffer(out, call.jitter_buffer_stats());
}

}  // namespace echostream::gateway
