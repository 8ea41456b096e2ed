// HTTP/3 (RFC 9114) over one QUIC connection, on nghttp3: requests and responses with bodies and
// trailers, either end of it. No sockets, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "echostream/base/unique_function.h"

#include "runtime/http3/fields.h"
#include "runtime/http3/http3_error.h"
#include "runtime/http3/server_connection.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::http3 {

/// What a peer can make one connection hold.
struct Http3Options {
  /// One header or trailer section, as RFC 9114 4.2.2 counts: 32 bytes for each field beside its
  /// name and value. The sink hears of a larger one in on_oversized_head(); one of more than
  /// sixteen times that, and a larger trailer section of a request, end the connection
  /// (H3_EXCESSIVE_LOAD).
  std::size_t max_field_section_bytes = 16 * 1024;
  /// Of the peer's encoder (RFC 9204 3.2.3), and how many streams may wait for it.
  std::size_t qpack_table_bytes = 4096;
  std::size_t qpack_blocked_streams = 16;
  /// What nghttp3 holds in all: streams, sections that are not complete (it makes room for a value
  /// as soon as its length is told), bodies of streams that wait for QPACK, which the flow-control
  /// windows bound too. More ends the connection (H3_EXCESSIVE_LOAD).
  std::size_t max_bookkeeping_bytes = 16 * 1024 * 1024;
};

/// What a connection tells its owner. The calls come from inside the endpoint's handle_*() and
/// poll_transmit(). The sink may call any method of Http3Connection from them, but must not destroy
/// it. Spans are valid during the call.
class Http3Sink {
 public:
  virtual ~Http3Sink() = default;
  /// The handshake is complete; a client may send requests.
  virtual void on_open(LocalTime now) = 0;
  /// Client: for QuicEndpoint::Dial::ticket.
  virtual void on_session_ticket(LocalTime, BytesView) {}
  /// Server: bytes of a request have come, and its header section is not complete. Told once; it
  /// may never be. on_head(), on_oversized_head(), on_reset() or on_stream_closed() follows.
  virtual void on_head_begun(LocalTime, StreamId) {}
  /// A request's, or a response's, header section; interim responses are not told. Well-formed
  /// (RFC 9114 4.1.2): nghttp3 has refused others. `is_early`: a request that may be a copy of one
  /// sent before (RFC 8470).
  virtual void on_head(LocalTime now, StreamId id, Fields head, bool is_early) = 0;
  /// Server: a request whose header section is over the limit. Nothing else comes of it but
  /// on_stream_closed(); it should be answered (431) and its reading stopped. Client: a response
  /// with such a section, trailers too, whose stream is reset then.
  virtual void on_oversized_head(LocalTime now, StreamId id) = 0;
  /// Counts against the flow-control windows until consume().
  virtual void on_body(LocalTime now, StreamId id, BytesView data) = 0;
  virtual void on_trailers(LocalTime now, StreamId id, Fields trailers) = 0;
  /// The peer's message is complete.
  virtual void on_end(LocalTime now, StreamId id) = 0;
  /// It will never be: the peer gave up, or what it sent was malformed.
  virtual void on_reset(LocalTime now, StreamId id, std::uint64_t code) = 0;
  /// The peer wants no more of our message, which has ended.
  virtual void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) = 0;
  /// As QuicConnectionSink says.
  virtual void on_stream_drained(LocalTime now, StreamId id) = 0;
  virtual void on_stream_stalled(LocalTime now, StreamId id) = 0;
  virtual void on_stream_closed(LocalTime now, StreamId id) = 0;
  virtual void on_streams_available(LocalTime) {}
  /// The peer shuts down (GOAWAY): a client sends no more requests. Those that are not acted upon
  /// end with on_reset(H3_REQUEST_REJECTED), whether the server resets them or not.
  virtual void on_goaway(LocalTime now) = 0;
  virtual void on_path_changed(LocalTime) {}
  /// The last call.
  virtual void on_closed(LocalTime now, const transport::CloseInfo& info) = 0;
};

/// Commands on streams that have closed are ignored. They take effect with the endpoint's next
/// poll_transmit(), or the one after flush() (write_later()).
class Http3Connection final : public transport::QuicConnectionSink, public ServerConnection {
 public:
  /// The sink outlives it. INTERNAL: no memory.
  static Result<std::unique_ptr<Http3Connection>> make(bool is_server, Http3Options options,
                                                       Http3Sink& sink);
  ~Http3Connection() override;
  Http3Connection(const Http3Connection&) = delete;
  Http3Connection& operator=(const Http3Connection&) = delete;

  /// Instead of writing with each command, calls `soon`, after which the owner calls flush(): what
  /// several commands have to say then costs as much as one. `soon` is called once until flush().
  void write_later(UniqueFunction<void()> soon);
  void flush() override;
  /// Before anything else; null once the connection is gone.
  void bind(transport::QuicConnection* connection);
  transport::QuicConnection* quic() const;

  /// Client: sends a request's head; a body follows unless `ends`. RESOURCE_EXHAUSTED when the peer
  /// allows no more streams now, UNAVAILABLE when the connection is shutting down or closed.
  Result<StreamId> request(const Fields& head, bool ends) { return request({}, head, ends); }
  /// The same with pseudo-headers that are none of `fields`.
  Result<StreamId> request(std::span<const Field> pseudo_headers, const Fields& fields, bool ends);
  /// Server: answers; a body follows unless `ends`. Once for each request.
  void respond(StreamId id, Fields head, bool ends) override;
  /// Queues bytes of the body.
  void write(StreamId id, Buffer bytes) override;
  /// The message is complete, perhaps with trailers.
  void finish(StreamId id, Fields trailers = {}) override;
  /// Bytes of write() that were never put into a packet.
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void consume(StreamId id, std::size_t bytes) override;
  /// Ends our message before its end; nothing more of the peer's is wanted either.
  void reset(StreamId id, Http3Error code) override;
  /// Nothing more of the peer's message is wanted.
  void stop_reading(StreamId id, Http3Error code) override;

  /// The peer should send no more requests (GOAWAY, as a notice: RFC 9114 5.2). Not before
  /// on_open().
  void announce_shutdown() override;
  /// Requests that come from now on are refused (GOAWAY).
  void refuse_requests() override;
  void close(Http3Error code, std::string reason) override;

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
  void on_datagram(LocalTime, BytesView) override {}
  void on_datagram_dropped(LocalTime, std::uint64_t) override {}
  void on_datagram_sent(LocalTime, std::uint64_t) override {}
  void on_path_changed(LocalTime now) override;
  void on_migrated(LocalTime, const SocketAddress&, const Status&) override {}
  void on_closed(LocalTime now, const transport::CloseInfo& info) override;

  struct Impl;

 private:
  explicit Http3Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::http3
