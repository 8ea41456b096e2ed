#include "runtime/api/caller_chain.h"

#include <algorithm>
#include <utility>

#include "runtime/api/call_steps.h"
#include "runtime/api/persistent_state.h"

namespace echostream::internal {

NodeContext* node_of(const Channel& channel) noexcept {
  return channel.state() ? channel.state()->node() : channel.persistent()->node();
}

Status node_closed() { return {StatusCode::kUnavailable, "this node was closed"}; }

LayersPtr caller_layers(const Channel& channel, const MethodInfo& method) {
  const NodeContext* node = node_of(channel);
  if (node == nullptr || !node->middleware) return {};
  return node->middleware->layers_of(method, InterceptedCall::Side::kCaller);
}

CallerChain::Parent::Parent(CallContext* context) {
  if (context != nullptr && context->chain() != nullptr && !context->is_cancelled()) {
    context->listen(*this);
  }
}

CallerChain::CallerChain(LayersPtr layers, Channel channel, const MethodInfo& method,
                         std::optional<Buffer> request, CallOptions options,
                         const TaskContext& context)
    // Whoever makes one has seen that the node is there.
    : CallChain(Side::kCaller, std::move(layers), method, *context.executor,
                node_of(channel)->options.limits),
      channel_(std::move(channel)),
      options_(std::move(options)),
      context_(context),
      parent_(context.call),
      latest_deadline_(context.call != nullptr ? context.call->deadline() : kNever),
      started_at_(context.executor->now()),
      deadline_(deadline_of(method, options_, context, started_at_)) {
  request_ = std::move(request);
  options_.response_metadata_ = nullptr;
}

const NodeContext* CallerChain::node() const noexcept { return node_of(channel_); }

Channel CallerChain::borrowed_channel() const noexcept {
  if (channel_.persistent()) return channel_;
  const std::shared_ptr<SessionState> nobody;
  return Channel(std::shared_ptr<SessionState>(nobody, channel_.state().get()));
}

std::optional<Session> CallerChain::session() const {
  auto session = channel_.state() ? channel_.state() : channel_.persistent()->usable_session();
  if (!session) return std::nullopt;
  return Session(std::move(session));
}

TypedState* CallerChain::session_state() const noexcept {
  if (channel_.state()) return &channel_.state()->state();
  const auto session = channel_.persistent()->usable_session();
  return session ? &session->state() : nullptr;
}

Task<Result<Session>> CallerChain::wait_session() {
  if (channel_.state()) co_return Session(channel_.state());
  auto session = co_await channel_.persistent()->next_session(deadline_, options_.fail_fast());
  if (!session) co_return session.error();
  co_return Session(*std::move(session));
}

void CallerChain::set_deadline(LocalTime deadline) noexcept {
  deadline_ = std::min(deadline, latest_deadline_);
}

const CallOptions& CallerChain::attempt_options() {
  options_.deadline_ = deadline_;
  return options_;
}

Result<Buffer> CallerChain::filtered_request() {
  Buffer wire = *request_;
  Status status = pass(CallMessage::Direction::kSent, wire);
  if (!status.is_ok()) return status;
  return wire;
}

Status CallerChain::accept_reply(Buffer wire) {
  Status status = pass(CallMessage::Direction::kReceived, wire);
  if (status.is_ok()) reply_ = std::move(wire);
  return status;
}

Status CallerChain::decode_reply(MessageSlot reply) const {
  if (!reply_) {
    return {StatusCode::kInternal, "middleware ended the call with OK and without a reply"};
  }
  return internal::decode_reply(*reply_, reply, max_decoded_bytes());
}

void CallerChain::forget_attempt() {
  reply_.reset();
  response_metadata_ = {};
  trailing_metadata_ = {};
}

void CallerChain::take_metadata(const CallState& call) {
  const auto take = [](const Metadata& from, Metadata& to) {
    if (!from.empty() || !to.empty()) to = from;
  };
  take(call.response_metadata(), response_metadata_);
  take(call.trailing_metadata(), trailing_metadata_);
}

// ---- Rpcs and events: the chain lives in the coroutine of the call.

namespace {

class RpcChain final : public CallerChain {
 public:
  using CallerChain::CallerChain;

 private:
  bool may_run_again() const noexcept override { return true; }
  Task<Status> innermost() override {
    if (reply_ || was_told_anything()) forget_attempt();
    const Buffer* wire = &*request();
    if (has_filters()) {
      auto filtered = filtered_request();
      if (!filtered) return fail_with(std::move(filtered).error());
      wire_ = *std::move(filtered);
      wire = &wire_;
    }
    return direct_unary_call(borrowed_channel(), method(), *wire, ReplySink(*this),
                             attempt_options());
  }
  // What the attempt sends, where filters made that.
  Buffer wire_;
};

class EventChain final : public CallerChain {
 public:
  using CallerChain::CallerChain;

 private:
  bool may_run_again() const noexcept override { return true; }
  Task<Status> innermost() override {
    auto wire = filtered_request();
    if (!wire) return fail_with(std::move(wire).error());
    return direct_send_event(channel(), method(), *std::move(wire), attempt_options());
  }
};

}  // namespace

Task<Status> intercepted_unary_call(LayersPtr layers, Channel channel, const MethodInfo& method,
                                    Buffer& request, MessageSlot reply, CallOptions& options) {
  if (node_of(channel) == nullptr) co_return node_closed().with_context(method.full_name);
  const TaskContext context = co_await current_context();
  Metadata* const response_metadata = options.response_metadata();
  RpcChain chain(std::move(layers), std::move(channel), method, std::move(request),
                 std::move(options), context);
  Status status = co_await chain.run();
  // Whoever tries again at once must not keep the others from their turn.
  if (!chain.was_made()) co_await yield_now();
  if (response_metadata != nullptr) *response_metadata = chain.response_metadata();
  if (status.is_ok()) status = chain.decode_reply(reply);
  co_return status;
}

Task<Status> intercepted_send_event(LayersPtr layers, Channel channel, const MethodInfo& method,
                                    Result<Buffer> event, CallOptions options) {
  if (!event) co_return event.error();
  if (node_of(channel) == nullptr) co_return node_closed().with_context(method.full_name);
  const TaskContext context = co_await current_context();
  EventChain chain(std::move(layers), std::move(channel), method, *std::move(event),
                   std::move(options), context);
  Status status = co_await chain.run();
  if (!chain.was_made()) co_await yield_now();
  co_return status;
}

// ---- Streams: the chain lives beside the call.

StreamChain::StreamChain(CallState& call, LayersPtr layers, Channel channel,
                         const MethodInfo& method, std::optional<Buffer> request,
                         CallOptions options, const TaskContext& context)
    : CallerChain(std::move(layers), std::move(channel), method, std::move(request),
                  std::move(options), context),
      call_(call),
      task_(*context.executor) {
  call_.set_chain(this);
}

// Under the call's own context: that of the caller may end before the stream does.
void StreamChain::start() { task_.spawn(run_to_end(), &call_.context()); }

Task<void> StreamChain::run_to_end() {
  Status status = co_await run();
  call_.end_with(std::move(status), trailing_metadata());
}

Task<Status> StreamChain::innermost() {
  std::optional<Buffer> wire;
  if (request()) {
    auto filtered = filtered_request();
    if (!filtered) co_return filtered.error();
    wire = *std::move(filtered);
  }
  // Once the call has ended, what context() speaks of may be gone.
  if (!call_.is_ended()) {
    const CallOptions& options = attempt_options();
    call_.context().set_deadline(deadline());
    if (channel().persistent()) {
      co_await persistent_begin(call_, channel().persistent(), method(), std::move(wire), options,
                                context());
    } else {
      begin(call_, channel().state(), method(), wire, options, context());
    }
  }
  is_open_ = true;
  call_.changed().notify_all();
  while (!call_.stream_is_over()) (void)co_await call_.wait();
  take_metadata(call_);
  co_return call_.status();
}

std::optional<Session> StreamChain::session() const {
  if (call_.session_ptr()) return Session(call_.session_ptr());
  return CallerChain::session();
}

TypedState* StreamChain::session_state() const noexcept {
  if (call_.session_ptr()) return &call_.session_ptr()->state();
  return CallerChain::session_state();
}

JitterBufferStats StreamChain::jitter_buffer_stats() const {
  return call_.stream() != nullptr ? call_.stream()->jitter_buffer_stats() : JitterBufferStats{};
}

// Anew for a reader that went on on another session.
void StreamChain::on_receiving() {
  if (!(response_metadata_ == call_.response_metadata())) {
    response_metadata_ = call_.response_metadata();
  }
}

void StreamChain::end_call(Status status) { call_.fail(std::move(status)); }

Task<std::shared_ptr<CallState>> intercepted_open_call(LayersPtr layers, Channel channel,
                                                       const MethodInfo& method,
                                                       std::optional<Result<Buffer>> request,
                                                       const CallOptions& options) {
  const TaskContext context = co_await current_context();
  auto call =
      std::make_shared<CallState>(deadline_of(method, options, context, context.executor->now()));
  if (request && !*request) {
    call->fail(request->error().with_context(method.full_name));
    co_return std::move(call);
  }
  if (node_of(channel) == nullptr) {
    call->fail(node_closed().with_context(method.full_name));
    co_return std::move(call);
  }
  std::optional<Buffer> bytes;
  if (request) bytes = **std::move(request);
  call->layers = std::make_unique<StreamChain>(*call, std::move(layers), std::move(channel), method,
                                               std::move(bytes), options, context);
  call->layers->start();
  while (!call->layers->is_open() && !call->receive_ended()) (void)co_await call->wait();
  co_return std::move(call);
}

}  // namespace echostream::internal
