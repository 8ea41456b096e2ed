#include "runtime/api/quic_link.h"

#include <utility>

#include "runtime/api/quic_driver.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {
namespace {

std::uint64_t number(core::WireError code) { return static_cast<std::uint64_t>(code); }

Status gone() { return {StatusCode::kUnavailable, "the connection is closed"}; }

}  // namespace

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

bool QuicLink::can_send_early() const {
  return connection_ != nullptr && connection_->can_send_early();
}

bool QuicLink::peer_decides_later() const {
  return connection_ != nullptr && connection_->is_asked_to_wait();
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
  handle_connection_closed(info, session_);
}

}  // namespace echostream::internal
