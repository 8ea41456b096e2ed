// What the tests of HTTP/1.1 share: an owner that remembers what it was told, and answers as a test
// says.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http1/http1_connection.h"

namespace echostream::http1 {

class RecordingOwner final : public http3::Http3Sink {
 public:
  struct Request {
    http3::Fields head;
    std::string body;
    bool has_ended = false;
    bool is_oversized = false;
    bool is_reset = false;
    bool is_closed = false;
  };

  explicit RecordingOwner(Http1Options options = {}) : http(std::move(options), *this) {
    http.handle_open(now);
  }

  /// Gives it bytes in pieces, and takes what it says to them.
  std::string feed(std::string_view bytes, std::size_t piece = std::string::npos) {
    while (!bytes.empty() && !http.is_over()) {
      const std::string_view next = bytes.substr(0, piece);
      http.handle_bytes(now, as_bytes(next));
      bytes.remove_prefix(next.size());
      take_output();
    }
    return output;
  }
  std::string end() {
    http.handle_end(now);
    take_output();
    return output;
  }
  void take_output() {
    while (auto bytes = http.poll_output(now)) output += bytes->text();
  }
  std::string take() {
    take_output();
    return std::exchange(output, {});
  }
  void answer(StreamId id, const char* status, std::string_view body) {
    http.respond(id, {{":status", status}}, false);
    http.write(id, Buffer::copy(body));
    http.finish(id, {});
  }

  // http3::Http3Sink
  void on_open(LocalTime) override { is_open = true; }
  void on_head_begun(LocalTime, StreamId id) override { requests[id.value]; }
  void on_head(LocalTime, StreamId id, http3::Fields head, bool) override {
    requests[id.value].head = std::move(head);
    if (when_head) when_head(id);
  }
  void on_oversized_head(LocalTime, StreamId id) override {
    requests[id.value].is_oversized = true;
    http.respond(id, {{":status", "431"}}, true);
  }
  void on_body(LocalTime, StreamId id, BytesView data) override {
    requests[id.value].body += as_text(data);
    if (consumes) http.consume(id, data.size());
  }
  void on_trailers(LocalTime, StreamId, http3::Fields) override { has_trailers = true; }
  void on_end(LocalTime, StreamId id) override {
    requests[id.value].has_ended = true;
    if (when_ended) when_ended(id);
  }
  void on_reset(LocalTime, StreamId id, std::uint64_t) override {
    requests[id.value].is_reset = true;
    http.reset(id, http3::Http3Error::kRequestCancelled);
  }
  void on_stop_sending(LocalTime, StreamId, std::uint64_t) override {}
  void on_stream_drained(LocalTime, StreamId) override { ++drained; }
  void on_stream_stalled(LocalTime, StreamId) override {}
  void on_stream_closed(LocalTime, StreamId id) override { requests[id.value].is_closed = true; }
  void on_goaway(LocalTime) override {}
  void on_closed(LocalTime, const transport::CloseInfo&) override { is_closed = true; }

  LocalTime now{std::chrono::hours(1)};
  std::map<std::int64_t, Request> requests;
  std::function<void(StreamId)> when_head;
  std::function<void(StreamId)> when_ended;
  bool consumes = true;
  bool is_open = false;
  bool is_closed = false;
  bool has_trailers = false;
  int drained = 0;
  std::string output;
  Http1Connection http;
};

/// One that answers each request with its body.
inline void answer_with_body(RecordingOwner& owner) {
  owner.when_ended = [&owner](StreamId id) {
    owner.answer(id, "200", owner.requests[id.value].body);
  };
}

inline std::string post(std::string_view body, std::string_view more = {}) {
  return "POST /a.v1.B/C HTTP/1.1\r\nHost: robot.example\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace echostream::http1
