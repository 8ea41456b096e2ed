// Two core::Sessions joined by a small model of QUIC's streams: ordered bytes, FIN, RESET,
// STOP_SENDING, flow control and stream credit, delivered one event at a time in an order that the
// test can shuffle.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/core_fakes.h"

namespace echostream::testing {

class SessionPair {
 public:
  struct Options {
    Limits client_limits{};
    Limits server_limits{};
    std::size_t stream_window = 1024 * 1024;
    std::size_t streams = 100;  // of each kind, open at once
    /// Data is delivered in pieces of at most this many bytes.
    std::size_t piece_bytes = SIZE_MAX;
  };

  SessionPair();
  explicit SessionPair(const Options& options);
  ~SessionPair();

  /// Delivers one event; false when nothing can be delivered. `choice` picks among what could be
  /// next (another stream, the other direction, a datagram); 0 is the oldest.
  bool step(std::uint64_t choice = 0);
  /// Steps until nothing moves; fails the test when that never happens.
  void settle();
  bool is_closed() const noexcept { return closed_; }
  /// Streams that either end still knows of.
  std::size_t open_streams() const;

  struct End;
  ManualExecutor executor;
  Options options;
  std::unique_ptr<End> client;
  std::unique_ptr<End> server;

 private:
  bool closed_ = false;
};

/// One end: the session and the transport below it.
struct SessionPair::End final : core::TransportPort {
  struct Event {
    enum class Kind : std::uint8_t { kData, kReset, kStop, kDatagram } kind;
    StreamId id;
    Buffer bytes;
    bool fin = false;
    std::uint64_t code = 0;
  };
  struct Direction {  // what we send on a stream
    bool fin_written = false;
    bool reset_written = false;
    bool end_delivered = false;
    std::optional<std::size_t> low_water;
  };

  End(SessionPair& owner, bool client, const Limits& limits);

  Result<StreamId> open_bidirectional() override { return open(0); }
  Result<StreamId> open_unidirectional() override { return open(2); }
  void write(StreamId id, Buffer bytes, bool fin) override;
  void set_priority(StreamId, core::Priority) override {}
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low) override { sending[id].low_water = low; }
  void reset(StreamId id, core::WireError code) override;
  void stop_sending(StreamId id, core::WireError code) override;
  void consume(StreamId id, std::size_t bytes) override;
  std::size_t max_datagram_bytes() const override { return 1200; }
  void send_datagram(Buffer header, Buffer payload, core::Priority, LocalTime) override;
  void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime) override;
  void close(core::WireError code, std::string reason) override;

  bool is_ours(StreamId id) const { return id.is_opened_by_server() != is_client; }
  bool may_send(StreamId id) const { return id.is_bidirectional() || is_ours(id); }
  Result<StreamId> open(std::int64_t kind);
  std::vector<std::size_t> deliverable() const;
  void deliver(std::size_t index);
  void deliver_data(Event event);
  void close_if_done(StreamId id);
  void forget(StreamId id);
  /// Flow-control credit that the session has not given back, closed streams included: what it
  /// never returns stalls the connection one day.
  std::size_t unconsumed_bytes() const;

  SessionPair& pair;
  bool is_client;
  End* peer = nullptr;
  RecordingObserver observer;
  std::unique_ptr<core::Session> session;
  std::deque<Event> queue;
  std::map<StreamId, Direction> sending;
  std::map<StreamId, std::size_t> unconsumed;      // delivered to our session
  std::map<std::int64_t, std::int64_t> opened;     // by kind
  std::map<std::int64_t, std::size_t> open_count;  // by kind
  std::vector<std::pair<core::WireError, std::string>> closes;
};

}  // namespace echostream::testing
