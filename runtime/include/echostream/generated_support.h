// Everything that generated code uses. Thin: the templates only put types around untyped functions.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call.h"
#include "echostream/call_options.h"
#include "echostream/internal/call_state.h"
#include "echostream/internal/publisher.h"
#include "echostream/internal/server_call.h"
#include "echostream/method.h"
#include "echostream/service.h"
#include "echostream/session.h"
#include "echostream/stream.h"

/// Generated code asserts that it was made for this runtime.
#define ECHOSTREAM_GENERATED_ABI 1

namespace echostream::internal {

// ---- Calling.

// Messages are encoded at once, when the call's Task is made: it holds bytes, not the message.

/// One request, one reply. `request`, `reply` and `options`, whose content may be taken, outlive
/// the task.
Task<Status> unary_call(Channel channel, const MethodInfo& method, Buffer& request,
                        MessageSlot reply, CallOptions& options);
/// An error in place of the event is the result.
Task<Status> send_event(Channel channel, const MethodInfo& method, Result<Buffer> event,
                        CallOptions options);

template <class Reply>
Task<Result<Reply>> call_encoded(Channel channel, const MethodInfo& method, Result<Buffer> request,
                                 CallOptions options) {
  if (!request) co_return request.error();
  Reply reply;
  Status status = co_await unary_call(std::move(channel), method, *request, reply, options);
  if (!status.is_ok()) co_return status;
  co_return std::move(reply);
}

template <class Received>
Task<Reader<Received>> open_encoded(Channel channel, const MethodInfo& method,
                                    Result<Buffer> request, CallOptions options) {
  auto call = co_await open_call(std::move(channel), method, std::move(request), options);
  co_return Reader<Received>(std::move(call));
}

template <class Reply>
Task<Result<Reply>> call_rpc(Channel channel, const MethodInfo& method,
                             const google::protobuf::MessageLite& request, CallOptions options) {
  return call_encoded<Reply>(std::move(channel), method, encode_message(request),
                             std::move(options));
}

inline Task<Status> emit_event(Channel channel, const MethodInfo& method,
                               const google::protobuf::MessageLite& event, CallOptions options) {
  return send_event(std::move(channel), method, encode_message(event), std::move(options));
}

template <class Received>
Task<Reader<Received>> open_reader(Channel channel, const MethodInfo& method,
                                   const google::protobuf::MessageLite& request,
                                   CallOptions options) {
  return open_encoded<Received>(std::move(channel), method, encode_message(request),
                                std::move(options));
}

template <class Sent, class Reply>
Task<ClientStream<Sent, Reply>> open_client_stream(Channel channel, const MethodInfo& method,
                                                   CallOptions options) {
  auto call = co_await open_call(std::move(channel), method, std::nullopt, options);
  co_return ClientStream<Sent, Reply>(std::move(call));
}

template <class Sent, class Received>
Task<DuplexStream<Sent, Received>> open_duplex(Channel channel, const MethodInfo& method,
                                               CallOptions options) {
  auto call = co_await open_call(std::move(channel), method, std::nullopt, options);
  co_return DuplexStream<Sent, Received>(std::move(call));
}

// ---- Serving. The handler outlives the call: the call holds its service.

template <class H, class Request, class Reply>
Task<void> serve_rpc(ServerCall& call, H& handler,
                     Task<Result<Reply>> (H::*method)(Call&, Request)) {
  Request request;
  // With most calls it has come already.
  std::optional<bool> received = call.try_receive(request);
  if (!received) received = co_await call.receive(request);
  if (!*received) co_return;
  auto reply = co_await (handler.*method)(call.call(), std::move(request));
  call.finish(reply ? &*reply : nullptr, reply.status());
}

template <class H, class Event>
Task<void> serve_event(ServerCall& call, H& handler, Task<Status> (H::*method)(Call&, Event)) {
  Event event;
  if (!call.decode_event(event)) co_return;
  Status status = co_await (handler.*method)(call.call(), std::move(event));
  call.finish(status);
}

template <class Filter>
Task<void> serve_subscription(ServerCall& call, Publisher& publisher) {
  auto filter = std::make_unique<Filter>();
  const bool received = co_await call.receive(*filter);
  if (!received) co_return;
  co_await publisher.serve(call, std::move(filter));
}

template <class H, class Request, class Sent>
Task<void> serve_server_stream(ServerCall& call, H& handler,
                               Task<Status> (H::*method)(Call&, Request, Writer<Sent>)) {
  Request request;
  const bool received = co_await call.receive(request);
  if (!received) co_return;
  Status status =
      co_await (handler.*method)(call.call(), std::move(request), Writer<Sent>(call.state()));
  call.finish(status);
}

template <class H, class Received, class Reply>
Task<void> serve_client_stream(ServerCall& call, H& handler,
                               Task<Result<Reply>> (H::*method)(Call&, Reader<Received>)) {
  auto reply = co_await (handler.*method)(call.call(), Reader<Received>(call.state()));
  call.finish(reply ? &*reply : nullptr, reply.status());
}

template <class H, class Received, class Sent>
Task<void> serve_duplex(ServerCall& call, H& handler,
                        Task<Status> (H::*method)(Call&, Reader<Received>, Writer<Sent>)) {
  Status status = co_await (handler.*method)(call.call(), Reader<Received>(call.state()),
                                             Writer<Sent>(call.state()));
  call.finish(status);
}

/// For an index that the generated table does not have.
Task<void> serve_unknown(ServerCall& call);

}  // namespace echostream::internal
