// An HTTP/3 server for tests, over a loop of either make: it writes down what it is asked, and
// answers as the test says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/loop.h"
#include "echostream/security.h"

#include "runtime/api/quic_driver.h"
#include "runtime/http3/http3_connection.h"

namespace echostream::testing {

class HttpTestServer {
 public:
  class Connection;

  /// One request, as far as it has come, and the means to answer it. Stays until the server goes.
  struct Request {
    Connection& connection;
    const StreamId id;
    http3::Fields head{};
    std::string body{};
    http3::Fields trailers{};
    bool has_ended = false;
    bool is_closed = false;
    std::optional<std::uint64_t> reset_code{};
    std::optional<std::uint64_t> stop_code{};

    std::string path() const { return std::string(head.get(":path")); }
    /// A whole response.
    void answer(int status, std::string_view text, const http3::Fields& fields = {});
    /// In pieces.
    void begin(int status, const http3::Fields& fields = {}, bool ends = false);
    void write(std::string_view text);
    void finish(const http3::Fields& trailers = {});
    void reset(http3::Http3Error code);
    void stop_reading(http3::Http3Error code);
    std::size_t unsent_bytes() const;
  };

  /// One client.
  class Connection final : public http3::Http3Sink {
   public:
    Connection(HttpTestServer& server, transport::QuicConnection& quic,
               http3::Http3Options options);
    http3::Http3Connection& http() { return *http_; }
    transport::QuicConnection* quic() const { return http_->quic(); }
    /// Of commands through http(): writes what they have queued.
    void flush_soon();

    std::optional<transport::CloseInfo> closed;

   private:
    // http3::Http3Sink
    void on_open(LocalTime) override {}
    void on_head(LocalTime now, StreamId id, http3::Fields head, bool is_early) override;
    void on_oversized_head(LocalTime now, StreamId id) override;
    void on_body(LocalTime now, StreamId id, BytesView data) override;
    void on_trailers(LocalTime now, StreamId id, http3::Fields trailers) override;
    void on_end(LocalTime now, StreamId id) override;
    void on_reset(LocalTime now, StreamId id, std::uint64_t code) override;
    void on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) override;
    void on_stream_drained(LocalTime, StreamId) override {}
    void on_stream_stalled(LocalTime, StreamId) override {}
    void on_stream_closed(LocalTime now, StreamId id) override;
    void on_goaway(LocalTime) override {}
    void on_closed(LocalTime now, const transport::CloseInfo& info) override;
    Request* find(StreamId id);

    HttpTestServer& server_;
    std::unique_ptr<http3::Http3Connection> http_;
    transport::QuicConnection* quic_;
    std::vector<Request*> open_;
  };

  struct Options {
    Options() = default;
    transport::QuicOptions quic;
    http3::Http3Options http;
    /// Asks clients for a certificate.
    std::optional<Trust> client_trust;
  };

  /// Fails the program when the address cannot be had. `loop` outlives it.
  HttpTestServer(Loop& loop, std::string_view address, const Identity& identity,
                 Options options = Options());
  ~HttpTestServer();

  SocketAddress address() const { return driver_->local_address(); }
  /// Bodies stay unread, and so hold their senders back.
  bool consumes = true;

  /// From inside the transport: nothing may be destroyed. Unset: nothing is answered.
  std::function<void(Request&)> on_head;
  std::function<void(Request&)> on_end;

  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<std::unique_ptr<Request>> requests;

 private:
  Loop& loop_;
  const Options options_;
  std::unique_ptr<internal::QuicDriver> driver_;
};

}  // namespace echostream::testing
