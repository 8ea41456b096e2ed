// The engine of one connection: routes the network's input to calls, events and frames, and keeps
// the peer within its limits. No sockets, no clock; the driver in runtime/api feeds it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "echostream/base/executor.h"
#include "echostream/limits.h"
#include "echostream/method.h"

#include "runtime/core/session/call_stream.h"
#include "runtime/core/session/event_receiver.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

/// What the engine tells the API. Must not destroy the session from inside.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  /// A peer's call: look the method up, call set_method() and set_observer() on it, and run the
  /// handler; or send_status() and release() to refuse it.
  virtual void on_incoming_call(CallStream& call, RequestFrame request) = 0;
  virtual bool wants_event() = 0;
  virtual void on_incoming_event(EventHeader header, Buffer message) = 0;
  /// Events may be sent again after emit() reported a long queue.
  virtual void on_events_writable() = 0;
  /// The peer sent GOAWAY: it takes no new calls.
  virtual void on_peer_draining() = 0;
};

struct SessionStats {
  std::uint64_t calls_started = 0;
  std::uint64_t calls_received = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events_received = 0;
  std::uint64_t datagrams_dropped = 0;  // malformed, or of a call that is not known
};

class Session final : private EventReceiver::Sink {
 public:
  /// References outlive the session. `grease` is any number; it varies what the peer must ignore.
  Session(Executor& executor, TransportPort& transport, SessionObserver& observer,
          const Limits& limits, std::uint64_t grease);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- Input from the connection.
  void handle_connected();
  void handle_stream_data(LocalTime now, StreamId id, BytesView data, bool fin);
  void handle_stream_reset(LocalTime now, StreamId id, std::uint64_t code);
  void handle_stop_sending(LocalTime now, StreamId id, std::uint64_t code);
  void handle_stream_drained(LocalTime now, StreamId id);
  void handle_stream_closed(StreamId id);
  void handle_streams_available(LocalTime now);
  void handle_datagram(LocalTime now, BytesView data);
  /// The last input: every call ends with `status`.
  void handle_closed(const Status& status);

  // ---- Commands of the API.
  /// Opens a call, at once or as soon as the peer allows another stream. RESOURCE_EXHAUSTED,
  /// UNAVAILABLE (closed, draining), INVALID_ARGUMENT (metadata). The caller must release() it.
  Result<CallStream*> start_call(const MethodInfo& method, const RequestFrame& request);
  /// Sends a one-way event behind those sent before with the same priority.
  Status emit(const MethodInfo& method, const Metadata& metadata, const Buffer& message);
  /// False: wait for on_events_writable().
  bool events_writable(Priority priority) const;
  /// Event handlers ended: reading may go on.
  void resume_events();
  /// No new calls from either side; those that run go on.
  void drain();

  bool is_open() const noexcept { return connected_ && !closed_; }
  bool is_draining() const noexcept { return draining_; }
  bool peer_is_draining() const noexcept { return peer_draining_; }
  bool has_calls() const noexcept { return live_calls_ > 0; }
  const SettingsFrame& peer_settings() const noexcept { return peer_settings_; }
  const SessionStats& stats() const noexcept { return stats_; }

 private:
  friend class CallStream;
  // A peer's unidirectional stream, until its type is known and while it is a control or frame
  // stream.
  struct PeerStream {
    std::optional<std::uint64_t> type;
    std::vector<std::uint8_t> bytes;  // the type's first bytes, then a whole EXPIRING frame
    std::unique_ptr<EventReceiver> events;
  };
  // The frames of the peer's control stream.
  class ControlSink final : public FrameSink {
   public:
    explicit ControlSink(Session& session) : session_(session) {}
    std::optional<std::uint64_t> payload_limit(std::uint64_t type) override;
    Status on_frame(std::uint64_t type, Buffer payload) override;

   private:
    Session& session_;
  };

  // From CallStream.
  void handle_request(CallStream& call, RequestFrame request);
  void handle_released(CallStream& call);
  // EventReceiver::Sink
  bool wants_event() override { return observer_.wants_event(); }
  void on_event(EventHeader header, Buffer message) override;

  CallStream* find_call(StreamId id);
  CallStream& accept_call(StreamId id);
  void keep_until_released(std::unique_ptr<CallStream> call);
  void handle_peer_stream(LocalTime now, StreamId id, BytesView data, bool fin);
  bool read_stream_type(PeerStream& stream, BytesView& data);
  bool begin_peer_stream(StreamId id, PeerStream& stream);
  void handle_control_data(StreamId id, BytesView data, bool fin);
  void handle_frame_data(LocalTime now, StreamId id, PeerStream& stream, BytesView data, bool fin);
  void handle_whole_frame(LocalTime now, BytesView bytes);
  void refuse_stream(StreamId id, WireError code);
  void deliver_orphans(CallStream& call);
  void count_cancelled(LocalTime now);
  void protocol_error(std::string reason);
  Status check_can_call(const Metadata& metadata) const;
  void open_waiting();
  void send_control(FrameType type, BytesView payload);
  StreamId event_stream(Priority priority);

  Executor& executor_;
  TransportPort& transport_;
  SessionObserver& observer_;
  const Limits limits_;
  std::uint64_t grease_;
  SettingsFrame peer_settings_;
  bool settings_seen_ = false;
  bool connected_ = false;
  bool closed_ = false;
  Status close_status_;
  bool draining_ = false;
  bool peer_draining_ = false;

  StreamId control_;
  std::optional<StreamId> peer_control_;
  // Our EXPIRING frames under way. The senders inside the calls take themselves out of it: it must
  // outlive them.
  FrameStreams frame_senders_;
  std::unordered_map<StreamId, std::unique_ptr<CallStream>> calls_;
  std::deque<std::unique_ptr<CallStream>> waiting_;  // for stream credit
  // Their streams are gone, their handles are not.
  std::unordered_map<CallStream*, std::unique_ptr<CallStream>> closed_calls_;
  std::size_t live_calls_ = 0;  // not released yet
  std::unordered_map<StreamId, PeerStream> peer_streams_;
  FrameParser control_parser_;
  // Whole frames whose call's request has not arrived yet, oldest first.
  struct Orphan {
    std::uint64_t call_id;
    FrameHeader header;
    Buffer message;
  };
  std::deque<Orphan> orphans_;
  std::unordered_map<Priority, StreamId> event_streams_;
  std::uint64_t cancelled_in_window_ = 0;
  LocalTime cancel_window_end_{};
  SessionStats stats_;
};

}  // namespace echostream::core
