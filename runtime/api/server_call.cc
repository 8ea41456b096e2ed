#include "echostream/internal/server_call.h"

#include <algorithm>
#include <utility>

#include "echostream/generated_support.h"

#include "runtime/api/call_state.h"
#include "runtime/api/deadline_timer.h"
#include "runtime/api/server_chain.h"

namespace echostream::internal {

ServerCall::ServerCall(std::shared_ptr<CallState> call, Service& service, const MethodInfo& method,
                       Metadata metadata)
    : state_(std::move(call)),
      service_(service),
      method_(method),
      metadata_(std::move(metadata)),
      context_(&state_->context()) {}

ServerCall::ServerCall(std::shared_ptr<SessionState> session, Service& service,
                       const MethodInfo& method, Metadata metadata, Buffer event)
    : session_(std::move(session)),
      service_(service),
      method_(method),
      metadata_(std::move(metadata)),
      event_(std::move(event)),
      context_(&own_context_) {}

ServerCall::~ServerCall() { session()->handler_ended(method_, held_bytes_); }

const std::shared_ptr<SessionState>& ServerCall::session() const noexcept {
  return state_ ? state_->session_ptr() : session_;
}

RootTask ServerCall::run(std::unique_ptr<ServerCall> call, std::size_t method_index) {
  CallDeadlineTimer timer(*call);
  const char* failure = "the handler ended without an answer";
  try {
    co_await call->dispatch(method_index);
  } catch (...) {
    failure = kHandlerThrew;
    call->handle_thrown();
  }
  if (!call->finished_) call->finish(Status(StatusCode::kInternal, failure));
}

void ServerCall::handle_thrown() {
  if (NodeContext* node = session()->node()) {
    node->log(LogLevel::kError,
              std::string(method_.full_name) + ": the handler threw: " + describe_exception());
  }
}

void ServerCall::set_response_metadata(Metadata metadata) {
  if (!state_ || finished_) return;
  if (chain_ != nullptr) {
    chain_->add_response_metadata(metadata);
  } else {
    state_->stream()->send_response(metadata);
  }
}

void ServerCall::begin_response() {
  if (!state_ || finished_) return;
  if (chain_ != nullptr) {
    chain_->begin_response();
  } else {
    state_->stream()->send_response({});
  }
}

void ServerCall::add_trailing_metadata(std::string key, std::string value) {
  if (Metadata::is_valid_key(key)) trailing_metadata_.add(std::move(key), std::move(value));
}

// What is decoded is held until the handler has ended.
Status ServerCall::decode(const Buffer& bytes, MessageSlot message) {
  const Limits& limits = session()->limits();
  const std::size_t held = session()->handler_bytes() + bytes.size();
  if (held > limits.max_handler_bytes) {
    return {StatusCode::kResourceExhausted, "handlers of this session hold " +
                                                std::to_string(session()->handler_bytes()) +
                                                " bytes already (Limits::max_handler_bytes)"};
  }
  const auto decoded =
      fill(message, bytes, std::min(limits.max_decoded_bytes, limits.max_handler_bytes - held));
  if (!decoded) return decoded.error();
  held_bytes_ = bytes.size() + *decoded;
  session()->hold_for_handler(held_bytes_);
  return Status::ok();
}

std::optional<bool> ServerCall::try_receive(MessageSlot request) {
  if (auto message = state_->stream()->take_message()) {
    Status decoded = take(std::move(message->message), request);
    if (decoded.is_ok()) return true;
    finish(decoded.with_context("the request"));
    return false;
  }
  if (!state_->receive_ended()) return std::nullopt;
  finish(Status(StatusCode::kInvalidArgument, "the call came without a request message"));
  return false;
}

Task<bool> ServerCall::receive(MessageSlot request) {
  std::optional<bool> received = try_receive(request);
  while (!received) {
    (void)co_await state_->wait();
    received = try_receive(request);
  }
  co_return *received;
}

Status ServerCall::take(Buffer bytes, MessageSlot message) {
  if (chain_ == nullptr) return decode(bytes, message);
  Status passed = chain_->accept_request(std::move(bytes));
  return passed.is_ok() ? decode(*chain_->request(), message) : passed;
}

bool ServerCall::decode_event(MessageSlot event) {
  Status decoded = take(std::move(event_), event);
  if (decoded.is_ok()) return true;
  finish(decoded);
  NodeContext* node = session()->node();
  if (node != nullptr && session()->may_warn()) {
    node->log(LogLevel::kWarning, std::string(method_.full_name) + ": an event from " +
                                      session()->link().remote_address().to_string() +
                                      " cannot be decoded: " + std::string(decoded.message()));
  }
  return false;
}

void ServerCall::finish(const google::protobuf::MessageLite* reply, const Status& status) {
  const bool replies = reply != nullptr && status.is_ok();
  finish(replies ? encode_message(*reply) : Result<Buffer>(Buffer()), replies, status);
}

void ServerCall::finish(const Buffer* reply, const Status& status) {
  finish(reply != nullptr ? *reply : Buffer(), reply != nullptr, status);
}

void ServerCall::finish(const Status& status) { finish(Buffer(), false, status); }

void ServerCall::finish(Result<Buffer> reply, bool has_reply, const Status& status) {
  if (std::exchange(finished_, true) || (!state_ && chain_ == nullptr)) return;
  Status end = status.is_ok() ? reply.status() : status;
  const bool replies = has_reply && end.is_ok();
  if (chain_ != nullptr) {
    chain_->handle_finished(replies ? std::optional(*std::move(reply)) : std::nullopt,
                            std::move(end));
  } else {
    answer(replies ? &*reply : nullptr, std::move(end));
  }
}

void ServerCall::answer(const Buffer* reply, Status status) {
  if (std::exchange(answered_, true) || !state_) return;
  if (reply != nullptr && status.is_ok()) status = state_->stream()->send_message(*reply, false);
  state_->stream()->send_status({std::move(status), std::move(trailing_metadata_)});
}

void ServerCall::finish_now(const Status& status) {
  if (chain_ != nullptr && !answered_) chain_->handle_finished(std::nullopt, status);
  finished_ = true;
  answer(nullptr, status);
}

Task<void> serve_unknown(ServerCall& call) {
  call.finish(Status(StatusCode::kUnimplemented, "the service does not have this method"));
  co_return;
}

}  // namespace echostream::internal

namespace echostream {

Session Call::peer() const { return Session(call_.session()); }
const MethodInfo& Call::method() const { return call_.method(); }
const Metadata& Call::metadata() const { return call_.metadata(); }
bool Call::is_early_data() const { return call_.is_early_data(); }
std::optional<Latency> Call::latency() const { return call_.latency(); }
LocalTime Call::deadline() const { return call_.context().deadline(); }
bool Call::is_cancelled() const { return call_.context().is_cancelled(); }
std::stop_token Call::stop_token() { return call_.context().stop_token(); }
TypedState& Call::state() { return call_.values(); }
void Call::set_response_metadata(Metadata metadata) {
  call_.set_response_metadata(std::move(metadata));
}
void Call::add_trailing_metadata(std::string key, std::string value) {
  call_.add_trailing_metadata(std::move(key), std::move(value));
}

}  // namespace echostream
