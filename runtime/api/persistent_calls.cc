// Calls over a persistent session: each goes to the session of the moment, or waits for the next.
// What may have reached the peer is sent again only if its method says that this does no harm.
#include <utility>

#include "runtime/api/call_steps.h"
#include "runtime/api/persistent_state.h"

namespace echostream::internal {
namespace {

// A request that brings its server down must not do so for ever.
constexpr int kMostAttempts = 3;

enum class Next : std::uint8_t { kGiveUp, kSendAgain };

// The session went while the call was under way. `attempts`: those that may have been executed.
Next after_loss(const CallState& call, const MethodInfo& method, int& attempts,
                RetryBudget& budget) {
  // It never had a stream, or the peer shuts down and did not look at it. Each of the two takes a
  // session of its own, so the pauses between dials bound how often that happens.
  if (!call.stream()->id().is_valid() || call.stream()->is_refused()) return Next::kSendAgain;
  if (!method.idempotent || ++attempts >= kMostAttempts) return Next::kGiveUp;
  return budget.take() ? Next::kSendAgain : Next::kGiveUp;
}

Status cut_off_status(const Status& status, const MethodInfo& method) {
  return status
      .with_context("the session was lost before the reply came; the peer may have acted on it")
      .with_context(method.full_name);
}

}  // namespace

Task<Status> persistent_unary_call(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method, const Buffer& request, ReplySink reply,
                                   const CallOptions& options) {
  const TaskContext context = co_await current_context();
  const LocalTime deadline = deadline_of(method, options, context, context.executor->now());
  persistent->retry_budget().count_call();
  for (int attempts = 0;;) {
    auto session = co_await persistent->next_session(deadline, options.fail_fast());
    if (!session) co_return session.error().with_context(method.full_name);
    auto stream = start(**session, method, options, deadline, context, context.executor->now());
    if (!stream) {
      co_await yield_now();
      co_return stream.error().with_context(method.full_name);
    }
    CallState call(*session, **stream, deadline);
    Status sent = (*stream)->send_message(request, true);
    if (!sent.is_ok()) {
      co_await yield_now();
      co_return sent.with_context(method.full_name);
    }
    ReplyReader reader(call, reply);
    while (!reader.is_over()) (void)co_await call.wait();
    Status status = reader.status();
    reply.take_metadata(call, options);
    if (status.is_ok() || !call.is_cut_off()) co_return status;
    if (after_loss(call, method, attempts, persistent->retry_budget()) == Next::kGiveUp) {
      co_return cut_off_status(status, method);
    }
    reply.clear();
  }
}

Task<Status> persistent_send_event(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method, Result<Buffer> event,
                                   CallOptions options) {
  const TaskContext context = co_await current_context();
  const LocalTime now = context.executor->now();
  const LocalTime deadline = deadline_of(method, options, context, now);
  Status status = check_before_call(deadline, context, now);
  if (!status.is_ok()) {
    co_await yield_now();
    co_return status;
  }
  if (!event) co_return event.error();
  for (;;) {
    auto session = co_await persistent->next_session(deadline, options.fail_fast());
    if (!session) co_return session.error().with_context(method.full_name);
    status = co_await wait_for_event_queue(**session, method, deadline);
    if (!status.is_ok()) co_return status;
    // It may have been lost while its queue was full; nothing was sent then.
    if (!(*session)->takes_calls()) continue;
    status = (*session)->engine().emit(method, options.metadata(), *event, context.call != nullptr);
    if (!status.is_ok()) co_await yield_now();
    co_return status;
  }
}

namespace {

bool is_resumable(const MethodInfo& method) {
  return method.on_reconnect == OnReconnect::kResume && method.server_streaming &&
         !method.client_streaming;
}

}  // namespace

Task<void> persistent_begin(CallState& call, std::shared_ptr<PersistentState> persistent,
                            const MethodInfo& method, std::optional<Buffer> request,
                            const CallOptions& options, TaskContext context) {
  auto session = co_await persistent->next_session(call.context().deadline(), options.fail_fast());
  // It may have been cancelled meanwhile, together with all that `context` speaks of.
  if (call.is_ended()) co_return;
  if (!session) {
    call.fail(session.error().with_context(method.full_name));
    co_return;
  }
  begin(call, *std::move(session), method, request, options, context);
  if (is_resumable(method) && call.stream() != nullptr) {
    call.resumption.reset(
        new Resumption{std::move(persistent), method, *std::move(request), options, {}, {}});
  }
}

namespace {

void ask_again(CallState& call, std::shared_ptr<SessionState> session, const TaskContext& context) {
  Resumption& resumption = *call.resumption;
  begin(call, std::move(session), resumption.method, resumption.request, resumption.options,
        context);
  if (resumption.jitter_buffer && call.stream() != nullptr) {
    call.stream()->set_jitter_buffer(*resumption.jitter_buffer);
  }
}

}  // namespace

Task<bool> resume_reading(std::shared_ptr<CallState> call) {
  const TaskContext context = co_await current_context();
  Resumption& resumption = *call->resumption;
  PersistentState& persistent = *resumption.persistent;
  const PersistentState::Watch watch(persistent, call->changed());
  const LocalTime lost_at =
      call->session().is_closed() ? call->session().closed_at() : context.executor->now();
  call->begin_resuming();
  // The call may be cancelled, or its time be up, while it waits.
  while (!call->receive_ended()) {
    if (auto session = persistent.usable_session()) {
      resumption.resumed.away += context.executor->now() - lost_at;
      ++resumption.resumed.losses;
      ask_again(*call, std::move(session), context);
      co_return !call->receive_ended();
    }
    if (persistent.is_closed()) {
      const StatusCode code = persistent.status().last_error.code();
      call->fail(persistent.no_session(code, "there will be no session")
                     .with_context(resumption.method.full_name));
      co_return false;
    }
    (void)co_await call->wait();
  }
  co_return false;
}

}  // namespace echostream::internal
