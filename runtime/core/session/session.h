// The engine of one connection: routes the network's input to calls, events and frames, and keeps
// the peer within its limits. No sockets, no clock; the driver in runtime/api feeds it.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "echostream/base/executor.h"
#include "echostream/limits.h"
#include "echostream/method.h"

#include "runtime/base/pooled_allocator.h"
#include "runtime/core/session/byte_budget.h"
#include "runtime/core/session/call_stream.h"
#include "runtime/core/session/clock_exchange.h"
#include "runtime/core/session/event_sender.h"
#include "runtime/core/session/orphan_frames.h"
#include "runtime/core/session/peer_streams.h"
#include "runtime/core/session/stall_watch.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

/// What the engine tells the API. Must not destroy the session from inside.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  /// A peer's call: look the method up, call set_method() and set_observer() on it, and run the
  /// handler; or send_status() and release() to refuse it.
  virtual void on_incoming_call(CallStream& call, RequestFrame request) = 0;
  /// The request came as early data, and may be a copy of one that was acted upon. True: that does
  /// no harm, on_incoming_call() follows at once. False: it follows when the handshake is complete.
  virtual bool may_run_early(const RequestFrame& request) = 0;
  virtual bool wants_event() = 0;
  virtual void on_incoming_event(EventHeader header, Buffer message) = 0;
  /// Events may be sent again after emit() reported a long queue.
  virtual void on_events_writable() = 0;
  /// More is known of the peer's clock.
  virtual void on_clock_updated() = 0;
  /// The peer shares its clock with others, and says what it knows.
  virtual void on_clock_report(const timing::NodeClockReport& report) = 0;
  /// The peer's SETTINGS are here: it has accepted the session.
  virtual void on_peer_settings() {}
  /// The peer sent GOAWAY: it takes no new calls.
  virtual void on_peer_draining() = 0;
};

struct SessionStats {
  std::uint64_t calls_started = 0;
  std::uint64_t calls_received = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events_received = 0;
  std::uint64_t events_dropped = 0;     // over our limits
  std::uint64_t datagrams_dropped = 0;  // malformed, or of a call that is not known
};

class Session final : private PeerStreams::Sink {
 public:
  /// References outlive the session. `grease` is any number; it varies what the peer must ignore.
  Session(Executor& executor, TransportPort& transport, SessionObserver& observer,
          const Limits& limits, std::uint64_t grease);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- Input from the connection.
  /// Calls of the peer may come before: they are early data (docs/protocol.md 2.1).
  void handle_connected();
  /// The handshake is complete, but the program has not let the peer in: what it sends is held, as
  /// early data is, and nothing of it acted upon. handle_connected() follows, or the end.
  void hold_peer();
  /// Idempotent rpcs can be sent from now on, the others wait for handle_connected().
  void handle_early_data_allowed() { early_data_allowed_ = true; }
  /// The peer took none of it, and the streams are gone: it is sent again after handle_connected().
  void handle_early_data_rejected();
  void handle_stream_data(LocalTime now, StreamId id, BytesView data, bool fin);
  /// What handle_stream_data() would be told of a call with one message, REQUEST, MESSAGE and FIN,
  /// from one who has no use for making bytes of them. Nothing came on that stream before.
  void handle_whole_call(LocalTime now, StreamId id, RequestFrame request, Buffer message);
  void handle_stream_reset(LocalTime now, StreamId id, std::uint64_t code);
  void handle_stop_sending(LocalTime now, StreamId id, std::uint64_t code);
  void handle_stream_drained(LocalTime now, StreamId id);
  void handle_stream_stalled(StreamId id);
  void handle_stream_closed(StreamId id);
  void handle_streams_available(LocalTime now);
  /// `now`: when it arrived, as exactly as the system knows.
  void handle_datagram(LocalTime now, BytesView data);
  void handle_datagram_sent(LocalTime at, std::uint64_t tag) { clock_.handle_sent(at, tag); }
  void handle_path_change(LocalTime now) { clock_.handle_path_change(now); }
  /// The last input: every call ends with `status`.
  void handle_closed(const Status& status);

  // ---- Commands of the API.
  /// Begins to measure the peer's clock, once connected.
  void start_clock();
  /// Tells the peer of the clock that this node shares; not while earlier reports still wait.
  void send_clock_report(const timing::NodeClockReport& report);
  /// Opens a call, at once or as soon as the peer allows another stream. RESOURCE_EXHAUSTED,
  /// UNAVAILABLE (closed, draining), INVALID_ARGUMENT (metadata). The caller must release() it.
  Result<CallStream*> start_call(const MethodInfo& method, const RequestFrame& request,
                                 bool for_handler = false);
  /// Sends a one-way event behind those sent before with the same priority.
  Status emit(const MethodInfo& method, const Metadata& metadata, const Buffer& message,
              bool for_handler = false);
  /// False: wait for on_events_writable().
  bool events_writable(Priority priority) const;
  /// Event handlers ended: reading may go on.
  void resume_events();
  /// No new calls from either side; those that run go on.
  void drain();

  bool is_open() const noexcept { return connected_ && !closed_; }
  /// It was open once.
  bool is_connected() const noexcept { return connected_; }
  bool is_draining() const noexcept { return draining_; }
  bool peer_is_draining() const noexcept { return peer_draining_; }
  bool has_calls() const noexcept { return live_calls_ > 0; }
  /// Of both ends, subscriptions and streams among them.
  std::size_t live_calls() const noexcept { return live_calls_; }
  /// Every call has ended at both ends, and all events are sent. Subscriptions, which never end,
  /// count as ended once everything published to them is sent.
  bool is_quiet() const;
  /// Null when no stream of that group was received yet.
  const timing::SyncGroup* find_sync_group(std::string_view name) const;
  const timing::PeerClock& clock() const noexcept { return clock_.clock(); }
  const SettingsFrame& peer_settings() const noexcept { return peer_settings_; }
  bool has_peer_settings() const noexcept { return has_peer_settings_; }
  const SessionStats& stats() const noexcept { return stats_; }
  /// What the peer makes us hold, counted against Limits::max_session_bytes.
  std::size_t held_bytes() const noexcept { return budget_.held(); }

 private:
  friend class CallStream;
  // From CallStream.
  void handle_request(CallStream& call, RequestFrame request);
  void begin_call(CallStream& call, RequestFrame request);
  bool can_hold(const RequestFrame& request) const;
  void begin_held_calls();
  void handle_released(CallStream& call);
  void count_cancelled(LocalTime now);
  void watch_for_stalls() { stall_watch_.start(); }
  void note_media(LocalTime now) { clock_.note_media(now); }
  timing::SyncGroup& sync_group(std::string_view name);
  // PeerStreams::Sink
  void on_settings(const SettingsFrame& settings) override;
  void on_goaway() override;
  void on_clock_report(const timing::NodeClockReport& report) override {
    if (connected_) observer_.on_clock_report(report);
  }
  bool wants_event() override { return connected_ && observer_.wants_event(); }
  void on_event(EventHeader header, Buffer message) override;
  void on_event_dropped() override { ++stats_.events_dropped; }
  void on_frame_stream(LocalTime now, StreamId call, const FrameHeader& header,
                       Buffer message) override;

  bool is_over() const noexcept { return closed_ || closing_; }
  bool is_ours(StreamId id) const noexcept {
    return control_.is_valid() && id.is_opened_by_server() == control_.is_opened_by_server();
  }
  CallEnvironment call_environment();
  CallStream* find_call(StreamId id);
  CallStream& accept_call(StreamId id);
  bool may_still_come(StreamId id);
  void keep_until_released(std::unique_ptr<CallStream> call);
  void forget_call(StreamId id);
  void forget_idle_senders();
  bool check_stalled_calls(LocalTime now);
  void fail(const Status& error);
  void close(WireError code, std::string reason);
  Status check_can_call(const Metadata& metadata, bool for_handler) const;
  Result<StreamId> open_stream_for(const MethodInfo& method);
  void open_call(std::unique_ptr<CallStream> call, StreamId id);
  void open_waiting();
  void send_control(FrameType type, BytesView payload);
  bool handle_frame_datagram(LocalTime now, BytesView data);
  bool handle_typed_datagram(LocalTime now, BytesView data);
  bool handle_report(LocalTime now, BytesView data);

  Executor& executor_;
  TransportPort& transport_;
  SessionObserver& observer_;
  const Limits limits_;
  std::uint64_t grease_;
  SettingsFrame peer_settings_;
  bool has_peer_settings_ = false;
  bool connected_ = false;
  bool early_data_allowed_ = false;
  bool is_held_ = false;
  bool closing_ = false;  // we asked the connection to close; what still arrives is ignored
  bool closed_ = false;
  Status close_status_;
  bool draining_ = false;
  bool peer_draining_ = false;
  StreamId control_;

  // These outlive the calls, which refer to them.
  ByteBudget budget_;
  FrameStreams frame_streams_;
  PeerStreams peer_streams_;
  OrphanFrames orphans_;
  StreamId last_peer_call_;
  EventSender events_;
  ClockExchange clock_;
  std::map<std::string, timing::SyncGroup, std::less<>> sync_groups_;
  bool wants_clock_ = false;

  // Until the stream is closed and the handle released, whichever is later.
  PooledMap<StreamId, std::unique_ptr<CallStream>> calls_;
  std::list<std::unique_ptr<CallStream>> waiting_;  // for stream credit
  std::size_t released_waiting_ = 0;                // of them
  // Requests that came as early data and must not be acted upon twice, at most kMostHeldCalls; and
  // those of a peer that is held, no more than may run, within kMostHeldBytes.
  struct HeldCall {
    StreamId id;
    RequestFrame request;
  };
  std::vector<HeldCall> held_calls_;
  ByteShare held_requests_{budget_};
  // Calls without a stream whose handles are still there.
  std::unordered_map<CallStream*, std::unique_ptr<CallStream>> closed_calls_;
  // Their calls are gone, some of their frames are still under way.
  std::vector<std::unique_ptr<FrameSender>> busy_senders_;
  std::size_t live_calls_ = 0;  // not released yet
  std::uint64_t cancelled_in_window_ = 0;
  LocalTime cancel_window_end_{};
  SessionStats stats_;
  StallWatch stall_watch_;
};

}  // namespace echostream::core
