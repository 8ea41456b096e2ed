// The server's end of HTTP/1.1 (RFC 9112) on one byte stream: requests for an owner that knows
// those of HTTP/3, one after the other, and whole responses. Bytes in, bytes out: no sockets, no
// clock, no TLS.
//
// After each handle_*() and each command the owner calls poll_output() until nothing comes; then
// looks at wants_bytes(), and at is_over(), after which it closes the byte stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/http1/request_parser.h"
#include "runtime/http3/http3_connection.h"
#include "runtime/http3/server_connection.h"

namespace echostream::http1 {

struct Http1Options {
  /// As Http3Options::max_field_section_bytes.
  std::size_t max_head_bytes = 16 * 1024;
  /// The value of "alt-svc" in each response; empty: it has none.
  std::string alt_svc;
};

/// Request n of the connection has the number 4 * (n - 1), as HTTP/3 numbers its streams. What it
/// holds of a client is bounded: a head; bytes that have come too early; of a body what the owner
/// has not consumed. Trailers of both ends are dropped, and a response is kept until it is
/// complete.
class Http1Connection final : public http3::ServerConnection, private RequestParser::Events {
 public:
  /// The sink outlives it; the calls come from inside handle_*() and poll_output(), with the same
  /// rules as those of Http3Connection. on_goaway() and on_trailers() are never called.
  Http1Connection(Http1Options options, http3::Http3Sink& sink);

  // ---- From the byte stream.
  /// It can be used.
  void handle_open(LocalTime now);
  void handle_bytes(LocalTime now, BytesView bytes);
  /// The client sends no more. One that waits for an answer has left: nobody else ends its side
  /// first.
  void handle_end(LocalTime now);
  /// The byte stream is gone; the last call. `info` is for the sink.
  void handle_closed(LocalTime now, const transport::CloseInfo& info);

  // ---- To the byte stream.
  /// False while the client is to be held back.
  bool wants_bytes() const;
  std::optional<Buffer> poll_output(LocalTime now);
  /// Everything is said; close() or the client has ended the connection.
  bool is_over() const { return is_closing_ && output_.empty() && !exchange_; }
  /// In is_over(): the last response may not be complete, so that the client must not take the end
  /// of the byte stream for its end.
  bool is_aborted() const { return is_aborted_; }
  /// Since when no request is under way; kNever: there is one.
  LocalTime idle_since() const { return exchange_ ? kNever : idle_since_; }
  /// How it came to is_over().
  const transport::CloseInfo& close_info() const { return close_info_; }

  // http3::ServerConnection
  void flush() override {}
  void respond(StreamId id, http3::Fields head, bool ends) override;
  void write(StreamId id, Buffer bytes) override;
  void finish(StreamId id, http3::Fields trailers) override;
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void consume(StreamId id, std::size_t bytes) override;
  void reset(StreamId id, http3::Http3Error code) override;
  void stop_reading(StreamId id, http3::Http3Error code) override;
  void announce_shutdown() override {}
  void refuse_requests() override;
  void close(http3::Http3Error code, std::string reason) override;

 private:
  // A request and its response.
  struct Exchange {
    explicit Exchange(StreamId id_in) : id(id_in) {}
    StreamId id;
    bool is_head = false;  // its method
    bool is_http_1_0 = false;
    bool keeps_alive = false;
    bool is_told = false;      // the owner has its head
    bool has_come = false;     // the request is complete
    bool is_unwanted = false;  // what is still to come of it
    bool is_refused = false;   // by this class: the owner has no say in the answer any more
    std::size_t unconsumed_bytes = 0;
    http3::Fields head;
    std::vector<Buffer> body;
    bool is_answered = false;  // the response is complete
    bool is_written = false;   // and in output_
    std::optional<std::size_t> low_water_bytes;
  };

  // RequestParser::Events
  void on_request_head(RequestHead head) override;
  void on_request_body(BytesView data) override;
  void on_request_end() override;

  bool is_current(StreamId id) const { return exchange_ && exchange_->id == id; }
  Exchange* answerable(StreamId id);
  void parse(BytesView bytes);
  void refuse_malformed();
  void answer(int status, std::string_view text);
  void write_response();
  void end_exchange();
  void drop_exchange();
  void abort(transport::CloseInfo info);
  void end(transport::CloseInfo info);
  std::size_t output_bytes() const;

  const Http1Options options_;
  http3::Http3Sink& sink_;
  RequestParser parser_;
  LocalTime now_{};
  LocalTime idle_since_ = kNever;
  std::int64_t next_id_ = 0;
  std::optional<Exchange> exchange_;
  std::vector<std::uint8_t> unread_;  // of the next request
  std::deque<Buffer> output_;
  bool has_ended_ = false;  // the client's side
  bool is_draining_ = false;
  bool is_closing_ = false;
  bool is_aborted_ = false;
  transport::CloseInfo close_info_;
};

}  // namespace echostream::http1
