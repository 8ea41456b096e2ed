#include "runtime/api/call_steps.h"

#include <algorithm>
#include <utility>

#include "runtime/api/caller_chain.h"

namespace echostream::internal {

LocalTime deadline_of(const MethodInfo& method, const CallOptions& options,
                      const TaskContext& context, LocalTime now) {
  LocalTime deadline = kNever;
  if (options.deadline_) {
    deadline = *options.deadline_;
  } else if (options.timeout()) {
    deadline = deadline_after(now, *options.timeout());
  } else if (method.deadline > Duration::zero()) {
    deadline = deadline_after(now, method.deadline);
  }
  if (context.call != nullptr) deadline = std::min(deadline, context.call->deadline());
  return deadline;
}

Status check_before_call(LocalTime deadline, const TaskContext& context, LocalTime now) {
  if (context.call != nullptr && context.call->is_cancelled()) {
    return {StatusCode::kCancelled, "the call that this one works for was cancelled"};
  }
  if (deadline <= now) {
    return {StatusCode::kDeadlineExceeded, "the deadline had passed before the call was made"};
  }
  return Status::ok();
}

Result<core::CallStream*> start(SessionState& session, const MethodInfo& method,
                                const CallOptions& options, LocalTime deadline,
                                const TaskContext& context, LocalTime now) {
  if (Status status = check_before_call(deadline, context, now); !status.is_ok()) return status;
  core::RequestFrame request;
  request.method_id = method.id;
  if (deadline != kNever) request.timeout = deadline - now;
  request.metadata = options.metadata();
  request.made_at = RemoteTime(now.time_since_epoch());
  return session.engine().start_call(method, request, context.call != nullptr);
}

void begin(CallState& call, std::shared_ptr<SessionState> session, const MethodInfo& method,
           const std::optional<Buffer>& request, const CallOptions& options,
           const TaskContext& context) {
  auto stream =
      start(*session, method, options, call.context().deadline(), context, context.executor->now());
  Status status = stream.status();
  if (stream) call.attach(std::move(session), **stream);
  if (stream && request) status = (*stream)->send_message(*request, true);
  if (!status.is_ok()) call.fail(status.with_context(method.full_name));
}

Status ReplySink::accept(Buffer bytes, const CallState& call) const {
  if (chain_ == nullptr) {
    return decode_reply(bytes, *message_, call.session().limits().max_decoded_bytes);
  }
  // A filter may have to look there to know what the bytes are.
  if (chain_->has_filters()) chain_->take_metadata(call);
  return chain_->accept_reply(std::move(bytes));
}

void ReplySink::clear() const {
  if (message_ && message_->message() != nullptr) message_->message()->Clear();
}

void ReplySink::take_metadata(const CallState& call, const CallOptions& options) const {
  if (chain_ != nullptr) chain_->take_metadata(call);
  if (options.response_metadata() != nullptr) {
    *options.response_metadata() = call.response_metadata();
  }
}

Status decode_reply(const Buffer& bytes, MessageSlot reply, std::size_t max_decoded_bytes) {
  const Status decoded = fill(reply, bytes, max_decoded_bytes).status();
  if (decoded.code() != StatusCode::kInvalidArgument) {
    return decoded.with_context("what the peer sent");
  }
  // The caller's arguments were fine.
  return {StatusCode::kInternal, "what the peer sent: " + std::string(decoded.message())};
}

bool ReplyReader::is_over() {
  if (auto message = call_.stream() != nullptr ? call_.stream()->take_message() : std::nullopt) {
    if (got_reply_) {
      call_.fail(Status(StatusCode::kInternal, "the peer sent two replies to an rpc"));
    }
    got_reply_ = true;
    Status taken = reply_.accept(std::move(message->message), call_);
    if (!taken.is_ok()) call_.fail(std::move(taken));
  }
  return call_.receive_ended();
}

Status ReplyReader::status() const {
  // Middleware may have answered in the peer's place.
  if (call_.status().is_ok() && !got_reply_ && !call_.has_layers()) {
    return {StatusCode::kInternal, "the peer ended the rpc without a reply"};
  }
  return call_.status();
}

Task<Status> wait_for_event_queue(SessionState& session, const MethodInfo& method,
                                  LocalTime deadline) {
  while (!session.engine().events_writable(method.priority)) {
    const WaitResult result = co_await session.events_writable().wait(deadline);
    if (result == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded, "the event queue stayed full");
    }
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return Status::ok();
}

}  // namespace echostream::internal
