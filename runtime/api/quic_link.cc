#include "runtime/api/quic_link.h"

#include <utility>
#include <vector>

#include "runtime/api/quic_driver.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {
namespace {

std::uint64_t number(core::WireError code) { return static_cast<std::uint64_t>(code); }

Status gone() { return {StatusCode::kUnavailable, "the connection is closed"}; }

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
  if (info.application_code == number(core::WireError::kProtocol)) return Misbehaviour::kProtocol;
  if (info.application_code == number(core::WireError::kLimit)) return Misbehaviour::kLimit;
  return std::nullopt;
}

}  // namespace

void QuicLink::detach() {
  remember();
  driver_ = nullptr;
  connection_ = nullptr;
}

void QuicLink::remember() {
  if (connection_ == nullptr) return;
  remote_address_ = connection_->remote_address();
  local_address_ = connection_->local_address();
  peer_identity_ = connection_->peer_identity();
  is_resumed_ = connection_->is_resumed();
  early_data_accepted_ = connection_->early_data_accepted();
  add_stats(last_stats_);
}

void QuicLink::flush_soon() {
  if (driver_ != nullptr) driver_->flush_soon();
}

Result<StreamId> QuicLink::open_bidirectional() {
  if (connection_ == nullptr) return gone();
  return connection_->open_bidirectional();
}

Result<StreamId> QuicLink::open_unidirectional() {
  if (connection_ == nullptr) return gone();
  return connection_->open_unidirectional();
}

void QuicLink::write(StreamId id, Buffer bytes, bool fin) {
  if (connection_ == nullptr) return;
  connection_->write(id, std::move(bytes), fin);
  flush_soon();
}

void QuicLink::set_priority(StreamId id, core::Priority priority) {
  if (connection_ != nullptr) connection_->set_priority(id, priority);
}

std::size_t QuicLink::unsent_bytes(StreamId id) const {
  return connection_ != nullptr ? connection_->unsent_bytes(id) : 0;
}

void QuicLink::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  if (connection_ != nullptr) connection_->notify_when_drained(id, low_water_bytes);
}

void QuicLink::reset(StreamId id, core::WireError code) {
  if (connection_ == nullptr) return;
  connection_->reset(id, number(code));
  flush_soon();
}

void QuicLink::stop_sending(StreamId id, core::WireError code) {
  if (connection_ == nullptr) return;
  connection_->stop_sending(id, number(code));
  flush_soon();
}

void QuicLink::consume(StreamId id, std::size_t bytes) {
  if (connection_ == nullptr || bytes == 0) return;
  connection_->consume(id, bytes);
  flush_soon();
}

std::size_t QuicLink::max_datagram_bytes() const {
  return connection_ != nullptr ? connection_->max_datagram_bytes() : 0;
}

void QuicLink::send_datagram(Buffer header, Buffer payload, core::Priority priority,
                             LocalTime expires_at) {
  if (connection_ == nullptr) return;
  transport::OutgoingDatagramFrame frame;
  frame.header = std::move(header);
  frame.payload = std::move(payload);
  frame.priority = priority;
  frame.expires_at = expires_at;
  // Too large for the path as it is now: lost, like any other datagram.
  (void)connection_->send_datagram(std::move(frame));
  flush_soon();
}

void QuicLink::send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime expires_at) {
  if (connection_ == nullptr) return;
  transport::OutgoingDatagramFrame frame;
  frame.header = std::move(datagram);
  frame.priority = 0;
  frame.expires_at = expires_at;
  frame.tag = tag;
  (void)connection_->send_datagram(std::move(frame));
  flush_soon();
}

void QuicLink::close(core::WireError code, std::string reason) {
  if (connection_ == nullptr) return;
  connection_->close(number(code), std::move(reason));
  flush_soon();
}

SocketAddress QuicLink::remote_address() const {
  return connection_ != nullptr ? connection_->remote_address() : remote_address_;
}

std::optional<PeerIdentity> QuicLink::peer_identity() const {
  return connection_ != nullptr ? connection_->peer_identity() : peer_identity_;
}

bool QuicLink::is_resumed() const {
  return connection_ != nullptr ? connection_->is_resumed() : is_resumed_;
}

bool QuicLink::can_send_early() const {
  return connection_ != nullptr && connection_->can_send_early();
}

bool QuicLink::peer_decides_later() const {
  return connection_ != nullptr && connection_->is_asked_to_wait();
}

std::optional<bool> QuicLink::early_data_accepted() const {
  return connection_ != nullptr ? connection_->early_data_accepted() : early_data_accepted_;
}

Result<std::string> QuicLink::export_keying_material(std::string_view label,
                                                     std::string_view context,
                                                     std::size_t bytes) const {
  if (connection_ == nullptr) return gone();
  std::vector<std::uint8_t> material(bytes);
  Status status = connection_->export_keying_material(label, as_bytes(context), material);
  if (!status.is_ok()) return status;
  return std::string(as_text(material));
}

SocketAddress QuicLink::local_address() const {
  return connection_ != nullptr ? connection_->local_address() : local_address_;
}

Result<SocketAddress> QuicLink::migrate(const SocketAddress& local) {
  if (connection_ == nullptr) return gone();
  if (connection_->is_server()) {
    return Status(StatusCode::kFailedPrecondition,
                  "migrate() is for the side that dialled; the other one follows it");
  }
  auto name = driver_->migrate(*connection_, local);
  if (name) next_is_bound_ = local.is_set() && !local.is_any();
  return name;
}

bool QuicLink::has_lost_its_address() const {
  if (connection_ == nullptr || connection_->is_server()) return false;
  // Not every system tells where a datagram arrived.
  if (!home_.is_set() || home_.is_any()) return false;
  return driver_->has_lost(home_, connection_->remote_address(), is_bound_to_home_);
}

std::uint64_t QuicLink::target_bytes_per_s(core::Priority priority) const {
  return connection_ != nullptr ? connection_->target_bytes_per_s(priority) : 0;
}

void QuicLink::add_stats(SessionStats& stats) const {
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

void QuicLink::on_connected(LocalTime) {
  home_ = connection_->local_address();
  if (session_ != nullptr) session_->handle_connected();
}

void QuicLink::on_early_data_rejected(LocalTime) {
  if (session_ != nullptr) session_->engine().handle_early_data_rejected();
}

void QuicLink::on_session_ticket(LocalTime, BytesView ticket) {
  if (ticket_cache_ != nullptr) ticket_cache_->store(ticket_server_, std::string(as_text(ticket)));
}

void QuicLink::on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) {
  if (session_ != nullptr) session_->engine().handle_stream_data(now, id, data, fin);
}

void QuicLink::on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) {
  if (session_ != nullptr) session_->engine().handle_stream_reset(now, id, code);
}

void QuicLink::on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) {
  if (session_ != nullptr) session_->engine().handle_stop_sending(now, id, code);
}

void QuicLink::on_stream_drained(LocalTime now, StreamId id) {
  if (session_ != nullptr) session_->engine().handle_stream_drained(now, id);
}

void QuicLink::on_stream_stalled(LocalTime, StreamId id) {
  if (session_ != nullptr) session_->engine().handle_stream_stalled(id);
}

void QuicLink::on_stream_closed(LocalTime, StreamId id) {
  if (session_ != nullptr) session_->engine().handle_stream_closed(id);
}

void QuicLink::on_streams_available(LocalTime now) {
  if (session_ != nullptr) session_->engine().handle_streams_available(now);
}

void QuicLink::on_datagram_sent(LocalTime now, std::uint64_t tag) {
  if (session_ != nullptr) session_->engine().handle_datagram_sent(now, tag);
}

void QuicLink::on_path_changed(LocalTime now) {
  if (session_ != nullptr) session_->engine().handle_path_change(now);
}

void QuicLink::on_migrated(LocalTime, const SocketAddress& local, const Status& status) {
  if (status.is_ok()) {
    home_ = connection_->local_address();
    is_bound_to_home_ = next_is_bound_;
  }
  driver_->migration_over(*connection_, local, status.is_ok());
  if (session_ != nullptr) session_->handle_migrated(local, status);
}

void QuicLink::on_datagram(LocalTime now, BytesView data) {
  if (session_ != nullptr) session_->engine().handle_datagram(now, data);
}

void QuicLink::on_closed(LocalTime, const transport::CloseInfo& info) {
  remember();
  driver_->release_soon(*std::exchange(connection_, nullptr));
  if (session_ == nullptr) return;
  if (const auto kind = misbehaviour(info); kind && session_->node() != nullptr) {
    ++session_->node()->counts.peers_put_out[static_cast<std::size_t>(*kind)];
  }
  const auto refusal = info.by_peer && info.application_code
                           ? core::refusal_code(*info.application_code)
                           : std::nullopt;
  session_->handle_closed(refusal ? refused_by_peer(*refusal, info.reason) : info.status);
}

}  // namespace echostream::internal
