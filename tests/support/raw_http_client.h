// An HTTP/3 client that keeps no rules: a QUIC connection on a loop, over which a test writes any
// bytes, and the answers, read as HTTP/3.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/loop.h"
#include "echostream/security.h"

#include "runtime/api/quic_driver.h"
#include "runtime/http3/fields.h"
#include "runtime/transport/quic_connection.h"
#include "tests/support/http3_bytes.h"

namespace echostream::testing {

struct RawHttpOptions {
  transport::QuicOptions quic{};
  /// What its control stream begins with; empty: it has none. QPACK's streams are opened as well.
  std::string control = h3::varint(h3::kControl) + h3::settings({});
  std::string alpn = "h3";
  /// Of an earlier connection, to be resumed with early data.
  std::string ticket{};
};

class RawHttpClient final : private transport::QuicConnectionSink {
 public:
  struct Answer {
    http3::Fields head;
    std::string body;
    http3::Fields trailers;
    bool ended = false;
    bool closed = false;
    std::optional<std::uint64_t> reset_code;
    std::string unread;  // bytes that are no whole frame yet

    std::string_view status() const { return head.get(":status"); }
    /// As HTTP/3 knows it: a whole answer, or none any more.
    bool is_over() const { return ended || reset_code.has_value(); }
  };

  RawHttpClient(Loop& loop, const SocketAddress& server, Trust trust, RawHttpOptions options = {});
  ~RawHttpClient() override;

  bool is_open() const { return is_open_ && !closed_; }
  bool is_closed() const { return closed_.has_value(); }
  /// How the connection ended: the code that the server closed it with; none while it lives, or
  /// when it ended otherwise.
  std::optional<std::uint64_t> close_code() const;
  std::string close_reason() const { return closed_ ? closed_->reason : ""; }

  /// Sends bytes on a new stream; an invalid one when the server allows none.
  StreamId request(std::string_view bytes, bool fin = true);
  StreamId open_unidirectional(std::string_view bytes);
  void write(StreamId id, std::string_view bytes, bool fin = false);
  void finish(StreamId id) { write(id, {}, true); }
  void reset(StreamId id, std::uint64_t code = 0x10c);
  void stop_sending(StreamId id, std::uint64_t code = 0x10c);
  /// Reads what it has not consumed while `consumes` was false.
  void consume(StreamId id, std::size_t bytes);

  Answer& answer(StreamId id) { return answers_[id.value]; }
  std::size_t answer_count() const { return answers_.size(); }
  void forget_answers() { answers_.clear(); }
  const std::optional<std::string>& ticket() const { return ticket_; }
  transport::QuicConnection* quic() { return quic_; }

  StreamId control;
  StreamId encoder;
  StreamId decoder;
  /// Gives the server credit for what it sends.
  bool consumes = true;
  /// Answers are not kept; for tests of very many.
  bool forgets = false;

 private:
  // transport::QuicConnectionSink
  void on_connected(LocalTime) override;
  void on_early_data_rejected(LocalTime) override {}
  void on_session_ticket(LocalTime, BytesView ticket) override;
  void on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) override;
  void on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) override;
  void on_stop_sending(LocalTime, StreamId, std::uint64_t) override {}
  void on_stream_drained(LocalTime, StreamId) override {}
  void on_stream_stalled(LocalTime, StreamId) override {}
  void on_stream_closed(LocalTime now, StreamId id) override;
  void on_streams_available(LocalTime) override {}
  void on_datagram(LocalTime, BytesView) override {}
  void on_datagram_dropped(LocalTime, std::uint64_t) override {}
  void on_datagram_sent(LocalTime, std::uint64_t) override {}
  void on_path_changed(LocalTime) override {}
  void on_migrated(LocalTime, const SocketAddress&, const Status&) override {}
  void on_closed(LocalTime, const transport::CloseInfo& info) override;

  void open_streams();

  RawHttpOptions options_;
  std::unique_ptr<internal::QuicDriver> driver_;
  transport::QuicConnection* quic_ = nullptr;
  std::map<std::int64_t, Answer> answers_;
  std::optional<std::string> ticket_;
  std::optional<transport::CloseInfo> closed_;
  bool is_open_ = false;
};

}  // namespace echostream::testing
