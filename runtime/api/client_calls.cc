// The calling side of the generated code: opening calls, one-shot rpcs, one-way events, and the
// reads and writes under Reader and Writer.
#include <utility>

#include "runtime/api/call_steps.h"

namespace echostream::internal {
namespace {

Task<Status> session_unary_call(std::shared_ptr<SessionState> session, const MethodInfo& method,
                                const google::protobuf::MessageLite& request,
                                google::protobuf::MessageLite& reply, const CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context);
  auto encoded = encode_message(request);
  if (!encoded) co_return encoded.error();
  auto stream = start(*session, method, options, deadline, context);
  if (!stream) {
    // Whoever tries again at once must not keep the others from their turn.
    co_await yield_now();
    co_return stream.error().with_context(method.full_name);
  }
  CallState call(std::move(session), **stream, deadline);
  Status sent = (*stream)->send_message(*encoded, true);
  if (!sent.is_ok()) {
    co_await yield_now();
    co_return sent.with_context(method.full_name);
  }
  Status status = co_await await_reply(call, reply);
  if (options.response_metadata() != nullptr) {
    *options.response_metadata() = call.response_metadata();
  }
  co_return status;
}

Task<Status> session_send_event(std::shared_ptr<SessionState> session, const MethodInfo& method,
                                const google::protobuf::MessageLite& event,
                                const CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context);
  Status status = check_before_call(deadline, context);
  if (!status.is_ok()) {
    co_await yield_now();
    co_return status;
  }
  auto encoded = encode_message(event);
  if (!encoded) co_return encoded.error();
  status = co_await wait_for_event_queue(*session, method, deadline);
  if (!status.is_ok()) co_return status;
  status = session->engine().emit(method, options.metadata(), *encoded, context.call != nullptr);
  if (!status.is_ok()) co_await yield_now();
  co_return status;
}

Task<std::shared_ptr<CallState>> session_open_call(std::shared_ptr<SessionState> session,
                                                   const MethodInfo& method,
                                                   const google::protobuf::MessageLite* request,
                                                   const CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context);
  auto stream = start(*session, method, options, deadline, context);
  if (!stream) {
    co_await yield_now();
    co_return std::make_shared<CallState>(std::move(session),
                                          stream.error().with_context(method.full_name));
  }
  auto call = std::make_shared<CallState>(std::move(session), **stream, deadline);
  if (request != nullptr) {
    auto encoded = encode_message(*request);
    Status status = encoded ? (*stream)->send_message(*encoded, true) : encoded.error();
    if (!status.is_ok()) call->fail(status.with_context(method.full_name));
  }
  co_return std::move(call);
}

}  // namespace

Task<Status> unary_call(Channel channel, const MethodInfo& method,
                        const google::protobuf::MessageLite& request,
                        google::protobuf::MessageLite& reply, const CallOptions& options) {
  if (channel.persistent()) {
    return persistent_unary_call(channel.persistent(), method, request, reply, options);
  }
  return session_unary_call(channel.state(), method, request, reply, options);
}

Task<Status> send_event(Channel channel, const MethodInfo& method,
                        const google::protobuf::MessageLite& event, const CallOptions& options) {
  if (channel.persistent()) {
    return persistent_send_event(channel.persistent(), method, event, options);
  }
  return session_send_event(channel.state(), method, event, options);
}

Task<std::shared_ptr<CallState>> open_call(Channel channel, const MethodInfo& method,
                                           const google::protobuf::MessageLite* request,
                                           const CallOptions& options) {
  if (channel.persistent()) {
    return persistent_open_call(channel.persistent(), method, request, options);
  }
  return session_open_call(channel.state(), method, request, options);
}

namespace {

// What the reader learns of a frame beside its message.
void describe(const SessionState& session, const core::InboundMessage& inbound, FrameInfo& info) {
  info.sequence = inbound.header.sequence;
  info.capture_time = inbound.header.capture_time;
  info.arrival_time = inbound.arrived_at;
  info.lost_before = inbound.lost_before;
  info.is_gap = inbound.is_gap;
  info.duration = inbound.duration;
  const bool is_timed = inbound.playout_at != LocalTime{};
  info.playout_time = is_timed ? inbound.playout_at : inbound.arrived_at;
  info.latency = session.latency_of(inbound.header.capture_time, inbound.arrived_at);
  if (info.latency) info.local_capture_time = inbound.arrived_at - info.latency->value;
}

void tell_resumed(Resumption& resumption, FrameInfo& info) {
  if (resumption.resumed.losses == 0) return;
  info.resumed = std::exchange(resumption.resumed, {});
}

using Take = std::optional<core::InboundMessage> (core::CallStream::*)();

Task<bool> read_next(std::shared_ptr<CallState> call, google::protobuf::MessageLite& message,
                     FrameInfo& info, Take take) {
  for (;;) {
    if (auto inbound = call->stream() != nullptr ? (call->stream()->*take)() : std::nullopt) {
      describe(call->session(), *inbound, info);
      if (call->resumption && !inbound->is_gap) tell_resumed(*call->resumption, info);
      if (inbound->is_gap) co_return true;
      Status decoded = decode_reply(inbound->message, message, call->session().limits());
      if (decoded.is_ok()) co_return true;
      call->fail(std::move(decoded));
      co_return false;
    }
    if (!call->receive_ended()) {
      (void)co_await call->wait();
      continue;
    }
    if (!call->resumption || !call->is_cut_off()) co_return false;
    const bool resumed = co_await resume_reading(call);
    if (!resumed) co_return false;
  }
}

}  // namespace

Task<bool> read_message(std::shared_ptr<CallState> call, google::protobuf::MessageLite& message,
                        FrameInfo& info) {
  return read_next(std::move(call), message, info, &core::CallStream::take_message);
}

Task<bool> read_playout(std::shared_ptr<CallState> call, google::protobuf::MessageLite& message,
                        FrameInfo& info) {
  return read_next(std::move(call), message, info, &core::CallStream::take_playout);
}

Task<Status> write_message(std::shared_ptr<CallState> call, Result<Buffer> message,
                           WriteOptions options) {
  if (!message) co_return message.error();
  const TaskContext context = co_await current_context();
  const LocalTime captured = options.capture_time.value_or(context.executor->now());
  // Even a writer that never has to wait lets others have their turn.
  co_await yield_now();
  for (;;) {
    call->check_deadline();
    if (call->receive_ended() && !call->status().is_ok()) co_return call->status();
    if (call->stream()->end() && !call->stream()->end()->status.is_ok()) {
      co_return call->stream()->end()->status;
    }
    if (call->stream()->send_ended() || call->stream()->end()) {
      co_return Status(StatusCode::kCancelled, "nothing more is taken on this stream");
    }
    if (call->stream()->is_writable()) break;
    (void)co_await call->wait();
  }
  co_return call->stream()->send_frame(
      context.executor->now(), RemoteTime(captured.time_since_epoch()), *std::move(message));
}

Task<Status> finish_writing(std::shared_ptr<CallState> call) {
  if (!call->is_caller()) {
    co_return Status(StatusCode::kFailedPrecondition,
                     "a handler ends its stream by returning a status, not with finish()");
  }
  if (call->writing_finished) {
    co_return Status(StatusCode::kFailedPrecondition, "finish() was called already");
  }
  call->writing_finished = true;
  if (call->receive_ended() && !call->status().is_ok()) co_return call->status();
  if (call->stream() != nullptr) call->stream()->finish_sending();
  co_return Status::ok();
}

Task<Status> read_reply(std::shared_ptr<CallState> call, google::protobuf::MessageLite& reply) {
  Status status = co_await await_reply(*call, reply);
  co_return status;
}

const Status& call_status(const CallState& call) { return call.status(); }
const Metadata& call_response_metadata(const CallState& call) { return call.response_metadata(); }
const Metadata& call_trailing_metadata(const CallState& call) { return call.trailing_metadata(); }
std::uint64_t call_lost_at_end(const CallState& call) {
  return call.stream() != nullptr ? call.stream()->lost_at_end() : 0;
}
Status set_jitter_buffer(CallState& call, const JitterBufferOptions& options) {
  if (Status status = check(options); !status.is_ok()) return status;
  if (call.stream() != nullptr) call.stream()->set_jitter_buffer(options);
  if (call.resumption) call.resumption->jitter_buffer = options;
  return Status::ok();
}
JitterBufferStats jitter_buffer_stats(const CallState& call) {
  return call.stream() != nullptr ? call.stream()->jitter_buffer_stats() : JitterBufferStats{};
}
std::optional<StreamFeedback> stream_feedback(const CallState& call) {
  return call.stream() != nullptr ? call.stream()->feedback() : std::nullopt;
}

std::uint64_t stream_target_bitrate(const CallState& call) { return target_bitrate_of(call); }
void watch_target_bitrate(CallState& call, UniqueFunction<void(std::uint64_t)> callback) {
  call.bitrate_watch.reset();
  if (!callback || call.stream() == nullptr || call.stream()->end()) return;
  call.bitrate_watch = std::make_unique<BitrateWatch>(call, std::move(callback));
}

// Half of a call was let go. A caller that drops either half unfinished has lost interest; a
// handler goes on, and the peer learns that nothing more is read.
void drop_reader(CallState& call) {
  if (call.receive_ended()) return;
  if (call.is_caller()) {
    cancel_call(call);
  } else {
    call.stream()->stop_receiving();
  }
}
void drop_writer(CallState& call) {
  call.bitrate_watch.reset();
  if (call.is_caller() && !call.writing_finished && !call.receive_ended()) cancel_call(call);
}
void cancel_call(CallState& call) {
  call.fail(Status(StatusCode::kCancelled, "the call was cancelled by this side"));
}

}  // namespace echostream::internal
