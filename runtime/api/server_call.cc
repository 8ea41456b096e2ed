#include "echostream/internal/server_call.h"

#include <algorithm>
#include <utility>

#include "echostream/generated_support.h"

#include "runtime/api/call_state.h"

namespace echostream::internal {

ServerCall::ServerCall(std::shared_ptr<CallState> call, std::shared_ptr<Service> service,
                       const MethodInfo& method, Metadata metadata, LocalTime deadline)
    : state_(std::move(call)),
      session_(state_->session_ptr()),
      service_(std::move(service)),
      method_(method),
      metadata_(std::move(metadata)),
      own_context_(deadline),
      context_(&state_->context()) {}

ServerCall::ServerCall(std::shared_ptr<SessionState> session, std::shared_ptr<Service> service,
                       const MethodInfo& method, Metadata metadata, Buffer event)
    : session_(std::move(session)),
      service_(std::move(service)),
      method_(method),
      metadata_(std::move(metadata)),
      event_(std::move(event)),
      context_(&own_context_) {}

ServerCall::~ServerCall() { session_->handler_ended(method_, held_bytes_); }

namespace {

// Answers DEADLINE_EXCEEDED when the time is up, whatever the handler is doing.
class DeadlineTimer final : public TimerNode {
 public:
  explicit DeadlineTimer(ServerCall& call) : call_(call) {
    call.session()->executor().arm(*this, call.context().deadline());
  }

 private:
  void on_timer(LocalTime) override {
    call_.finish(Status(StatusCode::kDeadlineExceeded, "the call's deadline has passed"));
    call_.context().cancel();
  }
  ServerCall& call_;
};

}  // namespace

Task<void> ServerCall::run(std::unique_ptr<ServerCall> call, std::size_t method_index) {
  DeadlineTimer timer(*call);
  const char* failure = "the handler ended without an answer";
  try {
    co_await call->service_->dispatch(method_index, *call);
  } catch (...) {
    failure = "the handler threw an exception";
    if (NodeContext* node = call->session_->node()) {
      node->log(LogLevel::kError, std::string(call->method_.full_name) +
                                      ": the handler threw: " + describe_exception());
    }
  }
  if (!call->finished_) call->finish(Status(StatusCode::kInternal, failure));
}

void ServerCall::set_response_metadata(Metadata metadata) {
  if (state_ && !finished_) state_->stream()->send_response(metadata);
}

void ServerCall::add_trailing_metadata(std::string key, std::string value) {
  if (Metadata::is_valid_key(key)) trailing_metadata_.add(std::move(key), std::move(value));
}

// What is decoded is held until the handler has ended.
Status ServerCall::decode(BytesView bytes, google::protobuf::MessageLite& message) {
  const Limits& limits = session_->limits();
  const std::size_t held = session_->handler_bytes() + bytes.size();
  if (held > limits.max_handler_bytes) {
    return {StatusCode::kResourceExhausted, "handlers of this session hold " +
                                                std::to_string(session_->handler_bytes()) +
                                                " bytes already (Limits::max_handler_bytes)"};
  }
  const auto decoded = decode_message(
      bytes, message, std::min(limits.max_decoded_bytes, limits.max_handler_bytes - held));
  if (!decoded) return decoded.error();
  held_bytes_ = bytes.size() + *decoded;
  session_->hold_for_handler(held_bytes_);
  return Status::ok();
}

Task<bool> ServerCall::receive(google::protobuf::MessageLite& request) {
  for (;;) {
    if (auto message = state_->stream()->take_message()) {
      const Status decoded = decode(message->message, request);
      if (decoded.is_ok()) co_return true;
      finish(decoded.with_context("the request"));
      co_return false;
    }
    if (state_->receive_ended()) {
      finish(Status(StatusCode::kInvalidArgument, "the call came without a request message"));
      co_return false;
    }
    (void)co_await state_->wait();
  }
}

bool ServerCall::decode_event(google::protobuf::MessageLite& event) {
  const Status decoded = decode(event_, event);
  if (decoded.is_ok()) return true;
  NodeContext* node = session_->node();
  if (node != nullptr && session_->may_warn()) {
    node->log(LogLevel::kWarning, std::string(method_.full_name) + ": an event from " +
                                      session_->link().remote_address().to_string() +
                                      " cannot be decoded: " + std::string(decoded.message()));
  }
  return false;
}

void ServerCall::finish(const google::protobuf::MessageLite* reply, const Status& status) {
  if (std::exchange(finished_, true) || !state_) return;
  Status end = status;
  if (reply != nullptr && end.is_ok()) {
    auto encoded = encode_message(*reply);
    end = encoded ? state_->stream()->send_message(*encoded, false) : encoded.error();
  }
  state_->stream()->send_status({std::move(end), std::move(trailing_metadata_)});
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
void Call::set_response_metadata(Metadata metadata) {
  call_.set_response_metadata(std::move(metadata));
}
void Call::add_trailing_metadata(std::string key, std::string value) {
  call_.add_trailing_metadata(std::move(key), std::move(value));
}

}  // namespace echostream
