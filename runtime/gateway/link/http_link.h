// A session's link over an HTTP connection: to the engine the client looks like a peer of our own
// protocol that serves nothing. Its requests are calls (http_call.h); what such a peer has beside
// them (its settings, streams of events and frames) is made here. What carries the requests is of
// the links for each version: http3_link.h, http1_link.h.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "echostream/base/executor.h"

#include "runtime/api/link.h"
#include "runtime/base/pooled_allocator.h"
#include "runtime/core/session/stall_watch.h"
#include "runtime/gateway/link/http_call.h"
#include "runtime/gateway/protocol/head_reader.h"
#include "runtime/http3/http3_connection.h"

namespace echostream::gateway {

class HttpLink : public internal::Link,
                 protected http3::Http3Sink,
                 private HttpCall::Host,
                 private ReadyNode {
 public:
  void bind(internal::SessionState& session) { session_ = &session; }

  // internal::Link
  void detach() override;

  // core::TransportPort
  bool peer_serves() const override { return false; }
  Result<StreamId> open_bidirectional() override;
  Result<StreamId> open_unidirectional() override;
  void write(StreamId id, Buffer bytes, bool fin) override;
  void write_frame(StreamId id, core::FrameType type, BytesView payload, bool fin) override;
  void write_message(StreamId id, const Buffer& message, bool fin) override;
  void write_status(StreamId id, const core::StatusFrame& status) override;
  void set_priority(StreamId, core::Priority) override {}  // the client says it (RFC 9218)
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void reset(StreamId id, core::WireError code) override;
  void stop_sending(StreamId id, core::WireError code) override;
  void consume(StreamId id, std::size_t bytes) override;
  std::size_t max_datagram_bytes() const override;
  void send_datagram(Buffer header, Buffer payload, core::Priority priority,
                     LocalTime expires_at) override;
  /// HTTP clients have no clock that could be asked.
  void send_stamped_datagram(Buffer, std::uint64_t, LocalTime) override {}
  void close(core::WireError code, std::string reason) override;

  // Link
  bool can_send_early() const override { return false; }
  bool peer_decides_later() const override { return false; }
  Result<SocketAddress> migrate(const SocketAddress&) override {
    return Status(StatusCode::kFailedPrecondition,
                  "migrate() is for the side that dialled; the other one follows it");
  }
  bool has_lost_its_address() const override { return false; }

 protected:
  /// What this version of HTTP is used for.
  enum class Carries : std::uint8_t { kAll, kUnaryCalls };

  /// The gateway lives as long as the node.
  HttpLink(HttpGateway& gateway, Carries carries);
  /// Once, before anything else.
  void use(std::unique_ptr<http3::ServerConnection> http) { http_ = std::move(http); }
  /// What was said to the connection is written, once the tasks that are ready have run.
  virtual void flush_soon() = 0;
  virtual bool is_connected() const = 0;
  /// The connection's last word; `session` may be null.
  virtual void handle_closed(const transport::CloseInfo& info, internal::SessionState* session) = 0;
  void look_soon();
  HttpGateway& gateway() final { return gateway_; }

 private:
  // A stream of ours that only the engine knows: its control stream, events, one frame.
  struct OwnStream {
    std::vector<std::uint8_t> head;  // until the type, and what a frame says of itself, are read
    bool has_head = false;
    StreamId call;  // whose frame it is; invalid: of no interest
    std::vector<Buffer> message;
  };

  // http3::Http3Sink
  void on_open(LocalTime now) override;
  void on_head_begun(LocalTime now, StreamId id) override;
  void on_head(LocalTime now, StreamId id, http3::Fields head, bool is_early) override;
  void on_oversized_head(LocalTime now, StreamId id) override;
  void on_body(LocalTime now, StreamId id, BytesView data) override;
  void on_trailers(LocalTime, StreamId, http3::Fields) override {}
  void on_end(LocalTime now, StreamId id) override;
  void on_reset(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stream_drained(LocalTime now, StreamId id) override;
  void on_stream_stalled(LocalTime now, StreamId id) override;
  void on_stream_closed(LocalTime now, StreamId id) override;
  void on_goaway(LocalTime) override {}
  void on_closed(LocalTime now, const transport::CloseInfo& info) final;

  // HttpCall::Host
  http3::ServerConnection& http() override { return *http_; }
  core::Session& engine() override;
  core::ByteBudget& budget() override { return budget_; }
  StreamId next_client_stream() override;
  Status send_event(LocalTime now, const core::EventHeader& header, BytesView message) override;
  void frame_stream_over(StreamId stream) override;
  void read_on_later(StreamId id) override;

  void forget_all();
  void on_ready() override;
  LocalTime now() const;
  HttpCall* find(StreamId id);
  void answer(StreamId id, ResponsePart part);
  void answer_page(StreamId id, const http3::Fields& head, ResponsePart page);
  void open_control_stream(LocalTime now);
  void write_own(StreamId id, OwnStream& stream, Buffer bytes, bool fin);
  bool check_slow_requests(LocalTime now);
  void refuse_client(Status why);
  void refuse_requests();

  HttpGateway& gateway_;
  const Carries carries_;
  std::unique_ptr<http3::ServerConnection> http_;
  bool is_open_ = false;
  bool is_draining_ = false;
  Status refusal_;                        // of the whole session; OK: none
  core::ByteBudget budget_;               // outlives the calls
  PooledMap<StreamId, LocalTime> heads_;  // since when they have been incomplete
  HeadReader reader_;
  PooledMap<StreamId, HttpCall> calls_;
  // The last that find() found: what comes of one call comes in a row. Null: none, or erased.
  StreamId last_found_;
  HttpCall* last_call_ = nullptr;
  PooledMap<StreamId, OwnStream> own_streams_;
  // To tell the engine, from outside of its commands.
  std::vector<StreamId> closed_own_streams_;
  std::vector<StreamId> drained_own_streams_;
  std::vector<StreamId> reading_on_;  // calls
  std::int64_t next_own_stream_ = 3;
  std::int64_t next_client_stream_ = 2;
  StreamId events_;
  std::size_t unconsumed_events_ = 0;  // bytes, that the engine has not taken
  core::StallWatch slow_requests_;
  std::unique_ptr<core::StallWatch> farewell_;  // once the session was refused
  internal::SessionState* session_ = nullptr;
};

}  // namespace echostream::gateway
