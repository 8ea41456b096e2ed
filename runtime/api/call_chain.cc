#include "runtime/api/call_chain.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/api/node_context.h"

namespace echostream::internal {

CallChain::CallChain(Side side, LayersPtr layers, const MethodInfo& method, Executor& executor,
                     const Limits& limits)
    : side_(side),
      layers_(std::move(layers)),
      method_(method),
      executor_(executor),
      max_message_bytes_(limits.max_message_bytes),
      max_decoded_bytes_(limits.max_decoded_bytes) {}

// ---- Layers.

Status CallChain::refusal_of(std::size_t layer) const {
  return {StatusCode::kFailedPrecondition,
          depth_ > layer
              ? "next() was called again while it runs; drop its Task first"
              : "next() was called twice; only a caller's rpcs and events can be tried again"};
}

namespace {
const char kThrew[] = "middleware threw an exception";
}  // namespace

Task<Status> fail_with(Status status) { co_return status; }

// A coroutine around each layer would do the same at more than twice its cost.
Task<Status> CallChain::run_from(std::size_t layer) {
  const bool allowed = depth_ <= layer && (reached_ <= layer || may_run_again());
  if (!allowed) return fail_with(refusal_of(layer));
  depth_ = layer + 1;
  reached_ = std::max(reached_, depth_);
  // Those of an attempt before this one.
  if (!filters_.empty()) {
    std::erase_if(filters_, [&](const Filter& filter) { return filter.depth > layer; });
  }
  Task<Status> step;
  try {
    if (layer == layers_->size()) {
      step = innermost();
    } else if (side() == Side::kCaller) {
      step = (*layers_)[layer]->call(call_, Next(*this, layer + 1));
    } else {
      step = (*layers_)[layer]->serve(call_, Next(*this, layer + 1));
    }
    // `return {};` in place of `co_return`.
    if (!step) throw std::logic_error("it returned an empty Task");
  } catch (...) {
    log_thrown(layer + 1, "");
    step = fail_with(Status(StatusCode::kInternal, kThrew));
  }
  step.follow(*this, static_cast<std::uint32_t>(layer));
  return step;
}

bool CallChain::on_task_threw(PromiseBase& task, Places places) noexcept {
  log_thrown(places.first + 1, "");
  static_cast<Promise<Status>&>(task).return_value(Status(StatusCode::kInternal, kThrew));
  return true;
}

// Also when a layer drops the Task of next().
void CallChain::on_task_gone(Places places) noexcept {
  depth_ = std::min<std::size_t>(depth_, places.last);
}

void CallChain::log_thrown(std::size_t depth, const char* where) const {
  const std::string what = describe_exception();
  if (node() == nullptr) return;
  std::string who = "the innermost step";
  if (depth >= 1 && depth <= layers_->size()) {
    who = "middleware " + std::string((*layers_)[depth - 1]->name());
  }
  node()->log(LogLevel::kError,
              std::string(method_.full_name) + ": " + who + where + " threw: " + what);
}

// ---- Filters.

void CallChain::add_filter(std::unique_ptr<MessageFilter> filter, FilterPlace place) {
  if (filter) filters_.push_back({std::move(filter), place, depth_});
}

Status CallChain::run_filter(const Filter& filter, CallMessage& message) {
  try {
    return filter.filter->on_message(message);
  } catch (...) {
    log_thrown(filter.depth, "'s filter");
    return {StatusCode::kInternal, "a message filter threw an exception"};
  }
}

Status CallChain::pass_all(FilterPlace place, bool first_added_first, CallMessage& message) {
  for (std::size_t i = 0, count = filters_.size(); i < count; ++i) {
    const Filter& filter = filters_[first_added_first ? i : count - 1 - i];
    if (filter.place != place) continue;
    if (Status status = run_filter(filter, message); !status.is_ok()) return status;
  }
  return Status::ok();
}

// The first layer is the outermost: next to the program on the calling side, next to the network on
// the serving side. On the wire it is the other way round for nobody: what was added last is
// nearest to it on both sides, so that two nodes with the same layers understand each other.
Status CallChain::pass(CallMessage& message) {
  const bool is_sent = message.direction == CallMessage::Direction::kSent;
  is_sent ? on_sending() : on_receiving();
  if (filters_.empty()) return Status::ok();
  const bool messages_in_order = is_sent == (side() == Side::kCaller);
  if (is_sent) {
    Status status = pass_all(FilterPlace::kMessages, messages_in_order, message);
    return status.is_ok() ? pass_all(FilterPlace::kWire, true, message) : status;
  }
  Status status = pass_all(FilterPlace::kWire, false, message);
  if (status.is_ok() && message.bytes.size() > max_message_bytes_) {
    status = Status(StatusCode::kResourceExhausted,
                    "a filter made a message of " + std::to_string(message.bytes.size()) +
                        " bytes of what came; the limit is " + std::to_string(max_message_bytes_) +
                        " (Limits::max_message_bytes)");
  }
  return status.is_ok() ? pass_all(FilterPlace::kMessages, messages_in_order, message) : status;
}

Status CallChain::pass(CallMessage::Direction direction, Buffer& bytes) {
  if (filters_.empty()) {
    if (direction == CallMessage::Direction::kSent) on_sending();
    return Status::ok();
  }
  CallMessage message;
  message.direction = direction;
  message.time = executor_.now();
  message.bytes = std::move(bytes);
  Status status = pass(message);
  bytes = std::move(message.bytes);
  return status;
}

Status pass_sent_frame(CallChain& chain, Buffer& bytes, std::uint64_t sequence,
                       RemoteTime capture_time, LocalTime handed_over) {
  CallMessage message;
  message.bytes = std::move(bytes);
  message.is_frame = true;
  message.sequence = sequence;
  message.capture_time = capture_time;
  message.time = handed_over;
  Status status = chain.pass(message);
  bytes = std::move(message.bytes);
  if (!status.is_ok()) chain.end_call(status);
  return status;
}

bool has_one_reply(const MethodInfo& method) noexcept {
  return method.kind == MethodKind::kRpc ||
         (method.kind == MethodKind::kStream && !method.server_streaming);
}

}  // namespace echostream::internal

namespace echostream {

using internal::CallChain;

InterceptedCall::Side InterceptedCall::side() const noexcept { return chain_.side(); }
const MethodInfo& InterceptedCall::method() const noexcept { return chain_.method(); }
Executor& InterceptedCall::executor() const noexcept { return chain_.executor(); }
std::optional<Session> InterceptedCall::session() const { return chain_.session(); }
TypedState* InterceptedCall::session_state() const noexcept { return chain_.session_state(); }
Task<Result<Session>> InterceptedCall::wait_session() { return chain_.wait_session(); }
InterceptedCall* InterceptedCall::parent() const noexcept {
  CallChain* parent = chain_.parent();
  return parent != nullptr ? &parent->call() : nullptr;
}
TypedState& InterceptedCall::state() noexcept { return chain_.state(); }
Metadata& InterceptedCall::metadata() noexcept { return chain_.metadata(); }
LocalTime InterceptedCall::started_at() const noexcept { return chain_.started_at(); }
LocalTime InterceptedCall::deadline() const noexcept { return chain_.deadline(); }
void InterceptedCall::set_deadline(LocalTime deadline) noexcept { chain_.set_deadline(deadline); }
bool InterceptedCall::is_early_data() const noexcept { return chain_.is_early_data(); }
std::optional<Latency> InterceptedCall::latency() const { return chain_.latency(); }
const std::optional<Buffer>& InterceptedCall::request() const noexcept { return chain_.request(); }
void InterceptedCall::set_request(Buffer request) { chain_.set_request(std::move(request)); }
const std::optional<Buffer>& InterceptedCall::reply() const noexcept { return chain_.reply(); }
void InterceptedCall::set_reply(Buffer reply) { chain_.set_reply(std::move(reply)); }
Metadata& InterceptedCall::response_metadata() noexcept { return chain_.response_metadata(); }
Metadata& InterceptedCall::trailing_metadata() noexcept { return chain_.trailing_metadata(); }
void InterceptedCall::add_filter(std::unique_ptr<MessageFilter> filter, FilterPlace place) {
  chain_.add_filter(std::move(filter), place);
}
JitterBufferStats InterceptedCall::jitter_buffer_stats() const {
  return chain_.jitter_buffer_stats();
}

Task<Status> Next::operator()() const { return chain_->run_from(layer_); }

bool Middleware::wants(const MethodInfo&, InterceptedCall::Side) const { return true; }
Task<Status> Middleware::call(InterceptedCall&, Next next) { return next(); }
Task<Status> Middleware::serve(InterceptedCall&, Next next) { return next(); }

}  // namespace echostream
