// One call: the bidirectional QUIC stream that carries it, in either role (docs/protocol.md 5). The
// API's handles drive it; the session routes the network's input to it. Sending and ending are in
// call_stream.cc, receiving in call_stream_receive.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "echostream/base/block_pool.h"
#include "echostream/base/bytes.h"
#include "echostream/base/executor.h"
#include "echostream/base/status.h"
#include "echostream/limits.h"
#include "echostream/method.h"

#include "runtime/base/stream_id.h"
#include "runtime/core/delivery/frame_receiver.h"
#include "runtime/core/delivery/frame_sender.h"
#include "runtime/core/delivery/playout_buffer.h"
#include "runtime/core/delivery/reassembly.h"
#include "runtime/core/frame/frame_parser.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/frame/unparsed_bytes.h"
#include "runtime/core/session/byte_budget.h"
#include "runtime/core/session/inbox.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

class Session;

/// Told that something about a call changed: look at it. Must not cancel or release the call from
/// inside, where the engine is still at work on it; schedule that.
class CallObserver {
 public:
  virtual void on_call_changed() = 0;

 protected:
  ~CallObserver() = default;
};

/// What a call needs of its session. References outlive the call.
struct CallEnvironment {
  Executor& executor;
  TransportPort& transport;
  const Limits& limits;
  /// What the peer said it takes; changes when its settings arrive.
  const SettingsFrame& peer_settings;
  FrameStreams& frame_streams;
  /// What the peer makes us hold over all its calls.
  ByteBudget& budget;
};

class CallStream final : public internal::PooledObject,
                         private FrameSink,
                         private FrameReceiver::Sink {
 public:
  enum class Role : std::uint8_t { kCaller, kResponder };

  CallStream(CallEnvironment environment, Session& session, Role role, StreamId id);
  ~CallStream();

  // ---- For the API, both roles.
  Role role() const noexcept { return role_; }
  /// It has no end of its own.
  bool is_subscription() const noexcept { return is_subscription_; }
  StreamId id() const noexcept { return id_; }
  Priority priority() const noexcept { return priority_; }
  void set_observer(CallObserver* observer) noexcept { observer_ = observer; }
  /// Fixes delivery, priority and order for this method. A caller's stream has one from the start.
  void set_method(const MethodInfo& method);

  /// The next message, in order; none when nothing waits. Gaps are left out.
  std::optional<InboundMessage> take_message();
  /// The same with the gaps of the playout, from the first call on.
  std::optional<InboundMessage> take_playout();
  /// Replaces what the method says; frames that wait are handed out at once.
  void set_jitter_buffer(const JitterBufferOptions& options);
  JitterBufferStats jitter_buffer_stats() const;
  /// What the receiver of our frames last said.
  const std::optional<StreamFeedback>& feedback() const noexcept { return feedback_; }
  bool has_message() const noexcept { return !inbox_.empty(); }
  /// The peer sends no more messages (they may still wait in the inbox).
  bool receive_ended() const noexcept { return receive_ended_; }
  /// How the call ended, once it is known and every message before it was taken: the peer's status
  /// (caller), or CANCELLED / UNAVAILABLE (either role, when the call was cut off).
  const std::optional<StatusFrame>& end() const noexcept { return end_; }
  /// end() came from the loss of the session: nobody knows how far the peer got.
  bool ended_with_session() const noexcept { return ended_with_session_; }
  /// end() came from a peer that shuts down and did not look at the call. Caller only.
  bool is_refused() const noexcept { return is_refused_; }
  /// The responder's metadata, as soon as it arrived. Caller only.
  const Metadata& response_metadata() const noexcept { return response_metadata_; }
  /// When the last of the stream's bytes came.
  LocalTime received_at() const noexcept { return receiving_at_; }
  std::uint64_t lost_at_end() const noexcept { return lost_at_end_ + inbox_.lost_at_end(); }

  /// A message of an rpc, or a request. RESOURCE_EXHAUSTED when the peer takes none that large.
  Status send_message(const Buffer& message, bool finish);
  /// A frame of a stream or a subscription; sequence numbers are given here, from 0.
  Status send_frame(LocalTime now, RemoteTime capture_time, Buffer message);
  /// The same with a number of the caller's (subscriptions, whose gaps tell what was dropped).
  Status send_numbered_frame(LocalTime now, const FrameHeader& header, Buffer message);
  /// Of the next send_frame().
  std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  bool is_writable() const;
  /// Caller: no more messages from us.
  void finish_sending();
  /// Responder: whatever else the caller sends is dropped, and it is asked to stop.
  void stop_receiving();
  /// Responder: metadata before the first message. What the peer does not take ends the call with
  /// the error that check_metadata() gives.
  void send_response(const Metadata& metadata);
  /// Responder: the end. Further sends do nothing. Metadata that the peer does not take is left
  /// out, and turns an OK into the error that check_metadata() gives.
  void send_status(const StatusFrame& status);
  bool send_ended() const noexcept { return send_ended_; }
  SenderStats sender_stats() const { return sender_ ? sender_->stats() : SenderStats{}; }
  ReceiverStats receiver_stats() const {
    return receiver_ ? receiver_->stats() : ReceiverStats{inbox_.taken(), 0, 0, 0};
  }
  /// Cuts the call off, both ways, and drops what waits.
  void cancel(WireError code);
  /// The API lets go; the call is cancelled if it has not ended. It is freed by the session later.
  void release();

  // ---- For the session.
  /// The peer allowed the stream: sends what waited for it.
  void open(StreamId id);
  void send_request(const RequestFrame& request);
  /// What is sent may have to be sent again on another stream: keeps it until one of the two.
  void expect_early_data_decision() noexcept { is_early_ = true; }
  void handle_early_data_accepted();
  void handle_early_data_rejected();
  void handle_data(LocalTime now, BytesView data, bool fin);
  void handle_reset(LocalTime now, WireError code);
  void handle_stop_sending(LocalTime now, WireError code);
  void handle_datagram(LocalTime now, const DatagramHeader& header, BytesView piece);
  void handle_frame(LocalTime now, const FrameHeader& header, Buffer message);
  void handle_report(LocalTime now, const ReportFrame& report);
  void handle_drained();
  /// The peer has let nothing of what waits on the stream through for too long: the call is over.
  void handle_stalled();
  /// Ends the call when the peer has begun a message long ago, and sends next to nothing of it.
  void check_progress(LocalTime now);
  /// What delayed the message under way until now was this side.
  void excuse(LocalTime now) {
    if (message_since_ != kNever) message_since_ = now;
    message_bytes_ = 0;
  }
  bool has_message_under_way() const noexcept { return message_since_ != kNever; }
  /// Bytes of the peer's wait for a reader, and get no credit.
  bool holds_back() const noexcept { return !unparsed_.empty(); }
  void handle_streams_available(LocalTime now) {
    if (sender_) sender_->handle_progress(now);
  }
  /// All of a call that has one message, as handle_data() would have it in frames. Nothing came of
  /// it before.
  void handle_whole(LocalTime now, RequestFrame request, Buffer message);
  /// The connection is done with the stream; frames beside it may still be under way.
  void handle_stream_closed() noexcept { stream_closed_ = true; }
  bool is_stream_closed() const noexcept { return stream_closed_; }
  void handle_session_closed(const Status& status);
  bool is_released() const noexcept { return released_; }
  /// False: a stream of the peer's that has not become a call, so nobody will release it.
  bool has_handle() const noexcept { return role_ == Role::kCaller || request_seen_; }
  /// The sender, when frames of it are still under way though the call is over; otherwise null.
  std::unique_ptr<FrameSender> take_busy_sender();

 private:
  // FrameSink
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override;
  Status on_frame(std::uint64_t type, Buffer payload) override;
  bool wants_frame() override;
  // FrameReceiver::Sink
  void on_sequenced(InboundMessage message) override;
  void on_sequence_end(std::uint64_t lost) override;
  std::optional<InboundMessage> take_next();

  void push_message(Buffer bytes);
  Status on_request(BytesView payload);
  Status on_response(BytesView payload);
  Status check_received(const Metadata& metadata) const;
  Status on_timed_message(Buffer payload);
  Status on_end(BytesView payload);
  Status on_status(BytesView payload);
  Status check_size(std::size_t bytes) const;
  void write(Buffer bytes, bool fin);
  void write_frame(FrameType type, BytesView payload, bool fin);
  void write_request(const RequestFrame& request);
  void write_status(StatusFrame status, WireError stop_code);
  void send_end_of_frames();
  void watch_message(LocalTime now, std::size_t bytes);
  std::size_t feed(BytesView data);
  void parse(BytesView data);
  void parse_waiting();
  bool is_stale(LocalTime arrived_at) const;
  void finish_receiving();
  void fail_receiving(Status status);
  void cut_off(LocalTime now, WireError code);
  void end_with(StatusFrame status);
  void finish_if_drained();
  void stop_reading(WireError code);
  void drop_unread();
  void account();
  void check_budget();
  FrameReceiver& receiver();
  std::unique_ptr<FrameReceiver> make_receiver();
  void finish_frames(std::uint64_t total);
  void settle_frames();
  void receive(LocalTime now, InboundMessage message);
  void report(LocalTime now);
  Duration playout_delay_of(const ReportFrame& report, LocalTime now);
  FrameSender& sender();
  void changed();

  CallEnvironment environment_;
  Session& session_;
  Role role_;
  StreamId id_;
  CallObserver* observer_ = nullptr;
  Delivery delivery_ = Delivery::kReliable;
  bool is_subscription_ = false;
  Priority priority_ = 3;
  Duration max_age_{};
  Duration hold_{};

  // Sending.
  bool request_seen_ = false;
  bool send_ended_ = false;
  std::uint64_t next_sequence_ = 0;
  std::unique_ptr<FrameSender> sender_;
  std::optional<StreamFeedback> feedback_;
  struct Unopened {
    Buffer bytes;
    bool fin;
  };
  // Until the peer allows the stream, or has taken the early data.
  bool is_early_ = false;
  std::optional<RequestFrame> waiting_request_;
  LocalTime waiting_since_{};
  std::vector<Unopened> unopened_;

  // Receiving.
  FrameParser parser_;
  LocalTime receiving_at_{};
  Inbox inbox_;
  ByteShare held_;
  UnparsedBytes unparsed_;  // while the inbox is full
  // The message under way: when it began, and how much came since.
  LocalTime message_since_ = kNever;
  std::uint64_t message_bytes_ = 0;
  bool fin_seen_ = false;
  bool stop_sent_ = false;
  bool receive_ended_ = false;
  std::optional<std::uint64_t> last_timed_sequence_;
  Metadata response_metadata_;
  JitterBufferOptions jitter_buffer_;
  std::string_view sync_group_;
  bool tells_gaps_ = false;
  std::unique_ptr<FrameReceiver> receiver_;
  PlayoutBuffer* playout_ = nullptr;    // the receiver, where it is one
  std::optional<std::uint64_t> total_;  // how many frames there are, once the sender is done
  std::uint64_t next_delivered_ = 0;
  // For reports.
  std::uint64_t frames_expected_ = 0;
  std::uint64_t frames_received_ = 0;
  LocalTime next_report_{};
  std::unique_ptr<Reassembly> reassembly_;
  bool sequence_ended_ = false;
  std::uint64_t lost_at_end_ = 0;
  std::optional<StatusFrame> pending_end_;  // waits until the inbox is empty
  std::optional<StatusFrame> end_;
  bool ended_with_session_ = false;
  bool is_refused_ = false;
  bool stream_closed_ = false;
  bool released_ = false;
};

}  // namespace echostream::core
