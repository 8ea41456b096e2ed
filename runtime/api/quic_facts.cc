#include "runtime/api/quic_facts.h"

#include <utility>
#include <vector>

#include "runtime/api/quic_driver.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {
namespace {

std::uint64_t close_code(core::WireError code) { return static_cast<std::uint64_t>(code); }

// Why this side closed the connection, when that was for something that the peer did.
std::optional<Misbehaviour> misbehaviour(const transport::CloseInfo& info) {
  switch (info.abuse) {
    case transport::Abuse::kNone:
      break;
    case transport::Abuse::kUselessPackets:
      return Misbehaviour::kUselessPackets;
    case transport::Abuse::kBrokenStreams:
      return Misbehaviour::kBrokenStreams;
    case transport::Abuse::kConnectionIds:
      return Misbehaviour::kConnectionIds;
    case transport::Abuse::kPaths:
      return Misbehaviour::kPaths;
    case transport::Abuse::kKeyUpdates:
      return Misbehaviour::kKeyUpdates;
    case transport::Abuse::kMemory:
      return Misbehaviour::kMemory;
  }
  if (info.by_peer) return std::nullopt;
  if (info.application_code == close_code(core::WireError::kProtocol))
    return Misbehaviour::kProtocol;
  if (info.application_code == close_code(core::WireError::kLimit)) return Misbehaviour::kLimit;
  return std::nullopt;
}

}  // namespace

void QuicFacts::forget_driver() {
  remember();
  driver_ = nullptr;
  connection_ = nullptr;
}

void QuicFacts::remember() {
  if (connection_ == nullptr) return;
  remote_address_ = connection_->remote_address();
  local_address_ = connection_->local_address();
  peer_identity_ = connection_->peer_identity();
  is_resumed_ = connection_->is_resumed();
  early_data_accepted_ = connection_->early_data_accepted();
  add_stats(last_stats_);
}

void QuicFacts::flush_soon() {
  if (driver_ != nullptr) driver_->flush_soon();
}

SocketAddress QuicFacts::remote_address() const {
  return connection_ != nullptr ? connection_->remote_address() : remote_address_;
}

std::optional<PeerIdentity> QuicFacts::peer_identity() const {
  return connection_ != nullptr ? connection_->peer_identity() : peer_identity_;
}

bool QuicFacts::is_resumed() const {
  return connection_ != nullptr ? connection_->is_resumed() : is_resumed_;
}

std::optional<bool> QuicFacts::early_data_accepted() const {
  return connection_ != nullptr ? connection_->early_data_accepted() : early_data_accepted_;
}

Result<std::string> QuicFacts::export_keying_material(std::string_view label,
                                                      std::string_view context,
                                                      std::size_t bytes) const {
  if (connection_ == nullptr) {
    return Status(StatusCode::kUnavailable, "the connection is closed");
  }
  std::vector<std::uint8_t> material(bytes);
  Status status = connection_->export_keying_material(label, as_bytes(context), material);
  if (!status.is_ok()) return status;
  return std::string(as_text(material));
}

SocketAddress QuicFacts::local_address() const {
  return connection_ != nullptr ? connection_->local_address() : local_address_;
}

std::uint64_t QuicFacts::target_bytes_per_s(core::Priority priority) const {
  return connection_ != nullptr ? connection_->target_bytes_per_s(priority) : 0;
}

void QuicFacts::add_stats(SessionStats& stats) const {
  if (connection_ == nullptr) {
    stats = last_stats_;
    return;
  }
  const transport::ConnectionStats from = connection_->stats();
  stats.smoothed_rtt = from.smoothed_rtt;
  stats.least_rtt = from.least_rtt;
  stats.bytes_sent = from.bytes_sent;
  stats.bytes_received = from.bytes_received;
  stats.packets_sent = from.packets_sent;
  stats.packets_lost = from.packets_lost;
  stats.latest_rtt = from.latest_rtt;
  stats.rtt_variation = from.rtt_variation;
  stats.congestion_window_bytes = from.congestion_window_bytes;
  stats.bytes_in_flight = from.bytes_in_flight;
  stats.delivery_rate_bytes_per_s = from.delivery_rate_bytes_per_s;
  stats.path_mtu_bytes = from.path_mtu_bytes;
  stats.packets_received = from.packets_received;
  stats.datagram_frames_sent = from.datagram_frames_sent;
  stats.datagram_frames_received = from.datagram_frames_received;
  stats.datagram_frames_dropped = from.datagram_frames_dropped;
  stats.datagram_frames_lost = from.datagram_frames_lost;
  stats.ecn_marked_packets_sent = from.ecn_marked_packets_sent;
  stats.ecn_ce_packets_received = from.ecn_ce_packets_received;
}

void QuicFacts::handle_connection_closed(const transport::CloseInfo& info, SessionState* session) {
  remember();
  driver_->release_soon(*std::exchange(connection_, nullptr));
  if (session == nullptr) return;
  if (const auto kind = misbehaviour(info); kind && session->node() != nullptr) {
    ++session->node()->counts.peers_put_out[static_cast<std::size_t>(*kind)];
  }
  const auto refusal = info.by_peer && info.application_code
                           ? core::refusal_code(*info.application_code)
                           : std::nullopt;
  session->handle_closed(refusal ? refused_by_peer(*refusal, info.reason) : info.status);
}

}  // namespace echostream::internal
