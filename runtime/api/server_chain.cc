#include "runtime/api/server_chain.h"

#include <algorithm>
#include <utility>

#include "runtime/api/call_state.h"

namespace echostream::internal {

ServerChain::ServerChain(LayersPtr layers, ServerCall& call, std::size_t method_index,
                         CallDeadlineTimer& timer)
    : CallChain(Side::kServer, std::move(layers), call.method(), call.session()->executor(),
                call.session()->limits()),
      server_call_(call),
      method_index_(method_index),
      timer_(timer) {
  call.chain_ = this;
  call.context().set_chain(this);
  if (call.state()) call.state()->set_chain(this);
}

// Others may hold the context and the stream for longer.
ServerChain::~ServerChain() {
  server_call_.chain_ = nullptr;
  server_call_.context().set_chain(nullptr);
  if (server_call_.state()) server_call_.state()->set_chain(nullptr);
}

RootTask ServerChain::serve(std::unique_ptr<ServerCall> call, std::size_t method_index,
                            LayersPtr layers) {
  CallDeadlineTimer timer(*call);
  ServerChain chain(std::move(layers), *call, method_index, timer);
  Status status = co_await chain.run();
  chain.answer(std::move(status));
}

Task<Status> ServerChain::innermost() {
  const char* failure = "the handler ended without an answer";
  try {
    co_await server_call_.dispatch(method_index_);
  } catch (...) {
    failure = kHandlerThrew;
    server_call_.handle_thrown();
  }
  if (!server_call_.is_finished()) server_call_.finish(Status(StatusCode::kInternal, failure));
  co_return status_;
}

Task<Result<Session>> ServerChain::wait_session() { co_return Session(server_call_.session()); }

Status ServerChain::accept_request(Buffer bytes) {
  Status status = pass(CallMessage::Direction::kReceived, bytes);
  if (status.is_ok()) request_ = std::move(bytes);
  return status;
}

void ServerChain::handle_finished(std::optional<Buffer> reply, Status status) {
  reply_ = std::move(reply);
  status_ = std::move(status);
}

void ServerChain::add_response_metadata(const Metadata& metadata) {
  Metadata merged;
  for (const auto& [key, value] : response_metadata_.entries()) {
    if (!metadata.find(key)) merged.add(key, value);
  }
  for (const auto& [key, value] : metadata.entries()) merged.add(key, value);
  response_metadata_ = std::move(merged);
  on_sending();
}

// As late as can be: layers may add to it until the first message.
void ServerChain::on_sending() {
  if (response_metadata_.empty() && sent_response_metadata_.empty()) return;
  if (!server_call_.state() || response_metadata_ == sent_response_metadata_) return;
  sent_response_metadata_ = response_metadata_;
  server_call_.state()->stream()->send_response(response_metadata_);
}

void ServerChain::begin_response() {
  if (!server_call_.state()) return;
  sent_response_metadata_ = response_metadata_;
  server_call_.state()->stream()->send_response(response_metadata_);
}

void ServerChain::answer(Status status) {
  if (server_call_.answered_) return;
  server_call_.finished_ = true;
  if (status.is_ok() && has_one_reply(method()) && !reply_) {
    status = Status(StatusCode::kInternal, "middleware ended the call with OK and without a reply");
  }
  const bool replies = status.is_ok() && has_one_reply(method());
  if (replies) status = pass(CallMessage::Direction::kSent, *reply_);
  on_sending();
  server_call_.answer(replies ? &*reply_ : nullptr, std::move(status));
}

void ServerChain::end_call(Status status) {
  if (server_call_.state()) server_call_.state()->fail(status);
  server_call_.finish_now(status);
}

void ServerChain::set_deadline(LocalTime deadline) noexcept {
  CallContext& context = server_call_.context();
  if (deadline >= context.deadline()) return;
  context.set_deadline(deadline);
  timer_.arm();
}

JitterBufferStats ServerChain::jitter_buffer_stats() const {
  return server_call_.state() ? server_call_.state()->stream()->jitter_buffer_stats()
                              : JitterBufferStats{};
}

}  // namespace echostream::internal
