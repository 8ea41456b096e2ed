// One HTTP request as a call of the session's engine: what the client sends becomes the frames that
// a peer of our own protocol would send (docs/protocol.md 5), and what the engine answers becomes
// the response.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/frame/byte_writer.h"
#include "runtime/core/frame/frame_parser.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/session/session.h"
#include "runtime/gateway/link/http_gateway.h"
#include "runtime/gateway/protocol/exchange.h"
#include "runtime/http3/server_connection.h"

namespace echostream::gateway {

class HttpCall final : private core::FrameSink {
 public:
  /// What a call needs of its connection; outlives it.
  class Host {
   public:
    virtual HttpGateway& gateway() = 0;
    virtual http3::ServerConnection& http() = 0;
    virtual core::Session& engine() = 0;
    /// For what the client makes all calls hold until their messages are complete.
    virtual core::ByteBudget& budget() = 0;
    /// A stream that the client might have opened beside the call: only the engine knows it.
    virtual StreamId next_client_stream() = 0;
    /// One-way events of the client, in their order. UNAVAILABLE before the handshake is complete,
    /// RESOURCE_EXHAUSTED while too many wait.
    virtual Status send_event(LocalTime now, const core::EventHeader& header,
                              BytesView message) = 0;
    /// The frame that came on that stream of ours has been sent, or will not be.
    virtual void frame_stream_over(StreamId stream) = 0;
    /// read_on() follows, from outside of the engine.
    virtual void read_on_later(StreamId call) = 0;

   protected:
    ~Host() = default;
  };

  HttpCall(Host& host, StreamId id, std::shared_ptr<const RequestHead> head,
           const MethodInfo& method, std::string origin);

  // ---- From the client.
  void start(LocalTime now);
  void handle_body(LocalTime now, BytesView data);
  void handle_end(LocalTime now);
  /// It will send no more, or wants no more of the answer.
  void handle_abandoned(LocalTime now);
  void handle_drained(LocalTime now);
  /// Of what came while the engine had no room.
  void read_on(LocalTime now);
  /// It has not read for too long: there is nobody to tell anything any more.
  void handle_stalled();
  /// Ends the request for something that is wrong with it.
  void fail(LocalTime now, const Status& status);

  // ---- From the engine.
  void write(Buffer bytes);
  void write_frame(core::FrameType type, BytesView payload);
  void write_message(Buffer message);
  void write_status(const core::StatusFrame& status);
  void reset(core::WireError code);
  void consumed(std::size_t bytes);
  /// A frame that does not travel on the call's stream: of an EXPIRING stream on a stream of its
  /// own, of a DATAGRAM one without. It is sent when the client takes it, if that is before
  /// `expires_at`.
  void send_frame(LocalTime now, StreamId stream, Buffer message, LocalTime expires_at);
  void give_up_frame(StreamId stream);

  /// When the one message was begun that is still incomplete; kNever: none, or a stream.
  LocalTime body_since() const { return body_since_; }

 private:
  struct WaitingFrame {
    StreamId stream;
    Buffer message;
    LocalTime expires_at;
  };
  // core::FrameSink
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override;
  Status on_frame(std::uint64_t type, Buffer payload) override;

  void handle_message(LocalTime now, Buffer message);
  void read(LocalTime now, BytesView data);
  void end_body(LocalTime now);
  bool has_room() const;
  Status count_held();
  void take_messages(LocalTime now, Buffers messages);
  /// `taken`: since the head came.
  core::RequestFrame make_request(Duration taken);
  void send_request(LocalTime now);
  void feed(LocalTime now, core::FrameType type, BytesView header, BytesView payload);
  void flush(LocalTime now, bool fin);
  void feed_bytes(LocalTime now, BytesView bytes, bool fin);
  void feed_frame(LocalTime now, BytesView message);
  void feed_event(LocalTime now, BytesView message);
  void give_credit();
  void begin();
  void on_reply(Buffer message);
  void send_waiting(LocalTime now);
  void end_if_sent();
  void end(const Status& status, const Metadata& metadata);
  void emit(ResponsePart part);
  void cancel_in_engine(LocalTime now);
  void drop_body();
  void drop_waiting();
  bool sends_frames() const { return method_.client_streaming; }
  bool is_json() const { return head_->codec == Codec::kJson; }

  Host& host_;
  const StreamId id_;
  const std::shared_ptr<const RequestHead> head_;  // of others like it, too
  const MethodInfo& method_;
  std::unique_ptr<RequestBody> body_;
  core::ByteShare held_;
  std::unique_ptr<ResponseMaker> response_;

  // Towards the engine.
  LocalTime body_since_ = kNever;
  bool requested_ = false;
  bool body_ended_ = false;
  core::ByteWriter frames_;           // until flush()
  std::vector<std::uint8_t> unread_;  // of the body, while the engine has no room
  Buffer message_;                    // of a call that has one, until the body ends
  std::uint64_t messages_ = 0;
  std::size_t uncredited_bytes_ = 0;  // of the body, for which the client has no credit yet
  std::size_t unconsumed_bytes_ = 0;  // that the engine has not taken

  // Towards the client.
  core::FrameParser parser_;
  Metadata response_metadata_;
  bool begun_ = false;
  bool ended_ = false;
  std::list<WaitingFrame> waiting_;  // none in most calls: a deque would allocate
  std::size_t waiting_bytes_ = 0;    // with what each costs beside its own
  std::optional<core::StatusFrame> waiting_end_;
};

}  // namespace echostream::gateway
