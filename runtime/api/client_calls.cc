// The calling side of the generated code: opening calls, one-shot rpcs, one-way events, and the
// reads and writes under Reader and Writer.
#include <utility>

#include "runtime/api/call_steps.h"
#include "runtime/api/caller_chain.h"
#include "runtime/api/persistent_state.h"
#include "runtime/api/plugin_host.h"

namespace echostream::internal {
namespace {

Task<Status> session_unary_call(std::shared_ptr<SessionState> session, const MethodInfo& method,
                                const Buffer& request, ReplySink reply,
                                const CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime now = context.executor->now();
  const LocalTime deadline = deadline_of(method, options, context, now);
  auto stream = start(*session, method, options, deadline, context, now);
  if (!stream) {
    // Whoever tries again at once must not keep the others from their turn.
    co_await yield_now();
    co_return stream.error().with_context(method.full_name);
  }
  CallState call(std::move(session), **stream, deadline);
  Status sent = (*stream)->send_message(request, true);
  if (!sent.is_ok()) {
    co_await yield_now();
    co_return sent.with_context(method.full_name);
  }
  ReplyReader reader(call, reply);
  while (!reader.is_over()) (void)co_await call.wait();
  reply.take_metadata(call, options);
  co_return reader.status();
}

Task<Status> session_send_event(std::shared_ptr<SessionState> session, const MethodInfo& method,
                                Result<Buffer> event, CallOptions options) {
  const TaskContext context = co_await current_context();
  const LocalTime now = context.executor->now();
  const LocalTime deadline = deadline_of(method, options, context, now);
  Status status = check_before_call(deadline, context, now);
  if (!status.is_ok()) {
    co_await yield_now();
    co_return status;
  }
  if (!event) co_return event.error();
  status = co_await wait_for_event_queue(*session, method, deadline);
  if (!status.is_ok()) co_return status;
  status = session->engine().emit(method, options.metadata(), *event, context.call != nullptr);
  if (!status.is_ok()) co_await yield_now();
  co_return status;
}

Task<std::shared_ptr<CallState>> direct_open_call(Channel channel, const MethodInfo& method,
                                                  std::optional<Result<Buffer>> request,
                                                  const CallOptions& options) {
  const TaskContext context = co_await current_context();
  auto call =
      std::make_shared<CallState>(deadline_of(method, options, context, context.executor->now()));
  if (request && !*request) {
    call->fail(request->error().with_context(method.full_name));
    co_return std::move(call);
  }
  std::optional<Buffer> bytes;
  if (request) bytes = **std::move(request);
  if (channel.persistent()) {
    co_await persistent_begin(*call, channel.persistent(), method, std::move(bytes), options,
                              context);
  } else {
    begin(*call, channel.state(), method, bytes, options, context);
  }
  if (call->stream() == nullptr) co_await yield_now();
  co_return std::move(call);
}

}  // namespace

Task<Status> direct_unary_call(Channel channel, const MethodInfo& method, const Buffer& request,
                               ReplySink reply, const CallOptions& options) {
  if (channel.persistent()) {
    return persistent_unary_call(channel.persistent(), method, request, reply, options);
  }
  return session_unary_call(std::move(channel).take_state(), method, request, reply, options);
}

Task<Status> direct_send_event(Channel channel, const MethodInfo& method, Result<Buffer> event,
                               CallOptions options) {
  if (channel.persistent()) {
    return persistent_send_event(channel.persistent(), method, std::move(event),
                                 std::move(options));
  }
  return session_send_event(channel.state(), method, std::move(event), std::move(options));
}

namespace {

// Plugins that have not started have not added their layers. No session is open before that, so
// such a call waits in any case.
bool comes_before_plugins(const Channel& channel) {
  const NodeContext* node = node_of(channel);
  return node != nullptr && node->plugins != nullptr && node->plugins->may_still_start();
}

Task<Status> wait_for_plugins(Channel channel, LocalTime deadline, std::optional<bool> fail_fast) {
  if (channel.persistent()) {
    // Its sessions come after the start; and it knows who may wait, and how many.
    auto session = co_await channel.persistent()->next_session(deadline, fail_fast);
    co_return session.status();
  }
  const NodeContext* node = channel.state()->node();
  if (node == nullptr) co_return node_closed();
  Status started = co_await node->plugins->wait_started(deadline);
  co_return started;
}

// What is left of the time for a call.
void set_deadline(CallOptions& options, LocalTime deadline, const TaskContext& context) {
  if (deadline != kNever) std::move(options).timeout(deadline - context.executor->now());
}

Task<Status> late_unary_call(Channel channel, const MethodInfo& method, Buffer& request,
                             MessageSlot reply, CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context, context.executor->now());
  Status started = co_await wait_for_plugins(channel, deadline, options.fail_fast());
  if (!started.is_ok()) co_return started.with_context(method.full_name);
  set_deadline(options, deadline, context);
  Status status = co_await unary_call(std::move(channel), method, request, reply, options);
  co_return status;
}

Task<Status> late_send_event(Channel channel, const MethodInfo& method, Result<Buffer> event,
                             CallOptions options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context, context.executor->now());
  Status started = co_await wait_for_plugins(channel, deadline, options.fail_fast());
  if (!started.is_ok()) co_return started.with_context(method.full_name);
  set_deadline(options, deadline, context);
  Task<Status> sending =
      send_event(std::move(channel), method, std::move(event), std::move(options));
  Status status = co_await std::move(sending);
  co_return status;
}

Task<std::shared_ptr<CallState>> late_open_call(Channel channel, const MethodInfo& method,
                                                std::optional<Result<Buffer>> request,
                                                CallOptions options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context, context.executor->now());
  Status started = co_await wait_for_plugins(channel, deadline, options.fail_fast());
  if (!started.is_ok()) {
    auto failed = std::make_shared<CallState>(deadline);
    failed->fail(started.with_context(method.full_name));
    co_return std::move(failed);
  }
  set_deadline(options, deadline, context);
  Task<std::shared_ptr<CallState>> opening =
      open_call(std::move(channel), method, std::move(request), options);
  auto call = co_await std::move(opening);
  co_return std::move(call);
}

}  // namespace

Task<Status> unary_call(Channel channel, const MethodInfo& method, Buffer& request,
                        MessageSlot reply, CallOptions& options) {
  if (comes_before_plugins(channel)) {
    return late_unary_call(std::move(channel), method, request, reply, options);
  }
  if (LayersPtr layers = caller_layers(channel, method)) {
    return intercepted_unary_call(std::move(layers), std::move(channel), method, request, reply,
                                  options);
  }
  return direct_unary_call(std::move(channel), method, request, ReplySink(reply), options);
}

Task<Status> send_event(Channel channel, const MethodInfo& method, Result<Buffer> event,
                        CallOptions options) {
  if (comes_before_plugins(channel)) {
    return late_send_event(std::move(channel), method, std::move(event), std::move(options));
  }
  if (LayersPtr layers = caller_layers(channel, method)) {
    return intercepted_send_event(std::move(layers), std::move(channel), method, std::move(event),
                                  std::move(options));
  }
  return direct_send_event(std::move(channel), method, std::move(event), std::move(options));
}

Task<std::shared_ptr<CallState>> open_call(Channel channel, const MethodInfo& method,
                                           std::optional<Result<Buffer>> request,
                                           const CallOptions& options) {
  if (comes_before_plugins(channel)) {
    return late_open_call(std::move(channel), method, std::move(request), options);
  }
  if (LayersPtr layers = caller_layers(channel, method)) {
    return intercepted_open_call(std::move(layers), std::move(channel), method, std::move(request),
                                 options);
  }
  return direct_open_call(std::move(channel), method, std::move(request), options);
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

// Through the filters of the call's middleware. False: the call has ended.
bool pass_received(CallState& call, core::InboundMessage& inbound, const FrameInfo& info) {
  if (call.chain() == nullptr) return true;
  CallMessage message;
  message.direction = CallMessage::Direction::kReceived;
  message.bytes = std::move(inbound.message);
  message.is_frame = true;
  message.sequence = info.sequence;
  message.capture_time = info.capture_time;
  message.time = info.arrival_time;
  message.lost_before = info.lost_before;
  message.playout_time = info.playout_time;
  message.duration = info.duration;
  message.latency = info.latency;
  Status passed = call.chain()->pass(message);
  inbound.message = std::move(message.bytes);
  if (!passed.is_ok()) call.chain()->end_call(passed);
  return passed.is_ok();
}

using Take = std::optional<core::InboundMessage> (core::CallStream::*)();

Task<bool> read_next(std::shared_ptr<CallState> call, MessageSlot message, FrameInfo& info,
                     Take take) {
  for (;;) {
    if (auto inbound = call->stream() != nullptr ? (call->stream()->*take)() : std::nullopt) {
      describe(call->session(), *inbound, info);
      if (call->resumption && !inbound->is_gap) tell_resumed(*call->resumption, info);
      if (inbound->is_gap) co_return true;
      if (!pass_received(*call, *inbound, info)) co_return false;
      Status decoded =
          decode_reply(inbound->message, message, call->session().limits().max_decoded_bytes);
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

Task<bool> read_message(std::shared_ptr<CallState> call, MessageSlot message, FrameInfo& info) {
  return read_next(std::move(call), message, info, &core::CallStream::take_message);
}

Task<bool> read_playout(std::shared_ptr<CallState> call, MessageSlot message, FrameInfo& info) {
  return read_next(std::move(call), message, info, &core::CallStream::take_playout);
}

Task<Status> write_message(std::shared_ptr<CallState> call, Result<Buffer> message,
                           WriteOptions options) {
  if (!message) co_return message.error();
  const TaskContext context = co_await current_context();
  const LocalTime handed_over = context.executor->now();
  const LocalTime captured = options.capture_time.value_or(handed_over);
  // Even a writer that never has to wait lets others have their turn.
  co_await yield_now();
  for (;;) {
    call->check_deadline();
    if (call->receive_ended() && !call->status().is_ok()) co_return call->status();
    if (call->stream() == nullptr) {
      co_return Status(StatusCode::kCancelled, "middleware has ended this call");
    }
    if (call->stream()->end() && !call->stream()->end()->status.is_ok()) {
      co_return call->stream()->end()->status;
    }
    if (call->stream()->send_ended() || call->stream()->end()) {
      co_return Status(StatusCode::kCancelled, "nothing more is taken on this stream");
    }
    if (call->stream()->is_writable()) break;
    (void)co_await call->wait();
  }
  const RemoteTime capture_time(captured.time_since_epoch());
  Buffer bytes = *std::move(message);
  if (call->chain() != nullptr) {
    Status passed = pass_sent_frame(*call->chain(), bytes, call->stream()->next_sequence(),
                                    capture_time, handed_over);
    if (!passed.is_ok()) co_return passed;
  }
  co_return call->stream()->send_frame(context.executor->now(), capture_time, std::move(bytes));
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

Task<Status> read_reply(std::shared_ptr<CallState> call, MessageSlot reply) {
  CallerChain* chain = call->layers.get();
  ReplyReader reader(*call, chain != nullptr ? ReplySink(*chain) : ReplySink(reply));
  while (!reader.is_over()) (void)co_await call->wait();
  Status status = reader.status();
  if (chain != nullptr && status.is_ok()) status = chain->decode_reply(reply);
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
