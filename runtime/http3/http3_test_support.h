// Two ends of HTTP/3 in memory, on virtual time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/http3/http3_connection.h"
#include "tests/support/quic_pair.h"

namespace echostream::testing {

using http3::Field;
using http3::Fields;
using http3::Http3Connection;
using http3::Http3Error;
using http3::Http3Options;

/// Writes down what a connection tells; a server's end answers through `when_head`, `when_end`.
class Http3Recorder final : public http3::Http3Sink {
 public:
  struct Message {
    Fields head;
    std::string body;
    Fields trailers;
    bool has_head = false;
    bool ended = false;
    bool oversized = false;
    bool is_early = false;
    bool closed = false;
    std::optional<std::uint64_t> reset_code;
    std::optional<std::uint64_t> stop_code;
    int drained = 0;
  };

  void on_open(LocalTime) override { is_open = true; }
  void on_session_ticket(LocalTime, BytesView ticket) override {
    tickets.emplace_back(as_text(ticket));
  }
  void on_head(LocalTime, StreamId id, Fields head, bool is_early) override {
    Message& message = messages[id.value];
    message.head = std::move(head);
    message.has_head = true;
    message.is_early = is_early;
    if (when_head) when_head(id);
  }
  void on_oversized_head(LocalTime, StreamId id) override {
    messages[id.value].oversized = true;
    http->respond(id, {{":status", "431"}}, true);
    http->stop_reading(id, Http3Error::kNoError);
  }
  void on_body(LocalTime, StreamId id, BytesView data) override {
    messages[id.value].body.append(as_text(data));
    if (consumes) http->consume(id, data.size());
  }
  void on_trailers(LocalTime, StreamId id, Fields trailers) override {
    messages[id.value].trailers = std::move(trailers);
  }
  void on_end(LocalTime, StreamId id) override {
    messages[id.value].ended = true;
    if (when_end) when_end(id);
  }
  void on_reset(LocalTime, StreamId id, std::uint64_t code) override {
    messages[id.value].reset_code = code;
  }
  void on_stop_sending(LocalTime, StreamId id, std::uint64_t code) override {
    messages[id.value].stop_code = code;
  }
  void on_stream_drained(LocalTime, StreamId id) override { ++messages[id.value].drained; }
  void on_stream_stalled(LocalTime, StreamId) override {}
  void on_stream_closed(LocalTime, StreamId id) override {
    messages[id.value].closed = true;
    ++closed_streams;
    if (forgets) messages.erase(id.value);
  }
  void on_goaway(LocalTime) override { ++goaways; }
  void on_closed(LocalTime, const transport::CloseInfo& info) override { closed = info; }

  std::unique_ptr<Http3Connection> http;
  std::map<std::int64_t, Message> messages;
  std::vector<std::string> tickets;
  std::optional<transport::CloseInfo> closed;
  std::size_t closed_streams = 0;
  int goaways = 0;
  bool is_open = false;
  bool consumes = true;
  bool forgets = false;
  std::function<void(StreamId)> when_head;
  std::function<void(StreamId)> when_end;
};

struct Http3Pair {
  explicit Http3Pair(std::uint64_t seed = 1, Http3Options options = {});
  /// False when it fails within ten seconds.
  bool connect();
  /// Sends a whole request.
  StreamId post(std::string path, std::string_view body);
  bool run_until(const std::function<bool()>& done) {
    return quic.world.run_until(done, std::chrono::seconds(30));
  }

  QuicPair quic;
  Http3Options options;
  Http3Recorder server;
  Http3Recorder client;
  QuicConnection* server_connection = nullptr;
};

inline QuicWorld::Options http3_world() {
  QuicWorld::Options options;
  options.server_alpn = {"echostream/1", "h3"};
  return options;
}

inline Http3Pair::Http3Pair(std::uint64_t seed, Http3Options options_in)
    : quic(seed, http3_world()), options(options_in) {
  quic.server.make_sink = [this](QuicConnection& connection) -> QuicConnectionSink* {
    server.http = Http3Connection::make(true, options, server).value();
    server.http->bind(&connection);
    server_connection = &connection;
    return server.http.get();
  };
}

inline bool Http3Pair::connect() {
  client.http = Http3Connection::make(false, options, client).value();
  quic.connection = &quic.world.dial(quic.client, quic.server, *client.http, "h3");
  client.http->bind(quic.connection);
  return run_until([&] { return (client.is_open && server.is_open) || client.closed; }) &&
         !client.closed;
}

inline StreamId Http3Pair::post(std::string path, std::string_view body) {
  const Fields head{{":method", "POST"},
                    {":scheme", "https"},
                    {":authority", "server.test"},
                    {":path", std::move(path)}};
  const StreamId id = client.http->request(head, body.empty()).value();
  client.http->write(id, Buffer::copy(body));
  client.http->finish(id);
  return id;
}

}  // namespace echostream::testing
