// A session's link over one QUIC connection: translates between the engine's words and the
// transport's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "echostream/session_tickets.h"

#include "runtime/api/link.h"
#include "runtime/api/quic_facts.h"

namespace echostream::internal {

class QuicLink final : public OverQuic<Link>, public transport::QuicConnectionSink {
 public:
  using OverQuic::OverQuic;

  void bind(transport::QuicConnection& connection) { connection_ = &connection; }
  void bind(SessionState& session) { session_ = &session; }
  transport::QuicConnectionSink& sink() { return *this; }
  void detach() override { forget_driver(); }
  /// New tickets go there, as those of `server`.
  void keep_tickets(std::shared_ptr<SessionTicketCache> cache, std::string server) {
    ticket_cache_ = std::move(cache);
    ticket_server_ = std::move(server);
  }

  // core::TransportPort
  Result<StreamId> open_bidirectional() override;
  Result<StreamId> open_unidirectional() override;
  void write(StreamId id, Buffer bytes, bool fin) override;
  void set_priority(StreamId id, core::Priority priority) override;
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void reset(StreamId id, core::WireError code) override;
  void stop_sending(StreamId id, core::WireError code) override;
  void consume(StreamId id, std::size_t bytes) override;
  std::size_t max_datagram_bytes() const override;
  void send_datagram(Buffer header, Buffer payload, core::Priority priority,
                     LocalTime expires_at) override;
  void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime expires_at) override;
  void close(core::WireError code, std::string reason) override;

  // Link
  bool can_send_early() const override;
  bool peer_decides_later() const override;
  Result<SocketAddress> migrate(const SocketAddress& local) override;
  bool has_lost_its_address() const override;

  // transport::QuicConnectionSink
  void on_connected(LocalTime now) override;
  void on_early_data_rejected(LocalTime now) override;
  void on_session_ticket(LocalTime now, BytesView ticket) override;
  void on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) override;
  void on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stream_drained(LocalTime now, StreamId id) override;
  void on_stream_stalled(LocalTime now, StreamId id) override;
  void on_stream_closed(LocalTime now, StreamId id) override;
  void on_streams_available(LocalTime now) override;
  void on_datagram(LocalTime now, BytesView data) override;
  void on_datagram_dropped(LocalTime, std::uint64_t) override {}
  void on_datagram_sent(LocalTime now, std::uint64_t tag) override;
  void on_path_changed(LocalTime now) override;
  void on_migrated(LocalTime now, const SocketAddress& local, const Status& status) override;
  void on_closed(LocalTime now, const transport::CloseInfo& info) override;

 private:
  SessionState* session_ = nullptr;
  std::shared_ptr<SessionTicketCache> ticket_cache_;
  std::string ticket_server_;
  // Where the present path began, and whether the program has chosen that address.
  SocketAddress home_;
  bool is_bound_to_home_ = false;
  bool next_is_bound_ = false;
};

}  // namespace echostream::internal
