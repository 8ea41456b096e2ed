#include "echostream/raw_service.h"

#include <utility>

#include "echostream/generated_support.h"

namespace echostream {
namespace {

Status unimplemented() {
  return {StatusCode::kUnimplemented, "the service does not have this method"};
}

}  // namespace

Task<Result<Buffer>> RawService::serve_rpc(Call&, Buffer) { co_return unimplemented(); }
Task<Status> RawService::serve_event(Call&, Buffer) { co_return unimplemented(); }
Task<Status> RawService::serve_server_stream(Call&, Buffer, Writer<Buffer>) {
  co_return unimplemented();
}
Task<Result<Buffer>> RawService::serve_client_stream(Call&, Reader<Buffer>) {
  co_return unimplemented();
}
Task<Status> RawService::serve_duplex(Call&, Reader<Buffer>, Writer<Buffer>) {
  co_return unimplemented();
}

// As generated code does it.
Task<void> RawService::dispatch(std::size_t method, internal::ServerCall& call) {
  if (method >= info().methods.size()) return internal::serve_unknown(call);
  const MethodInfo& what = info().methods[method];
  switch (what.kind) {
    case MethodKind::kRpc:
      return internal::serve_rpc(call, *this, &RawService::serve_rpc);
    case MethodKind::kEvent:
      return internal::serve_event(call, *this, &RawService::serve_event);
    case MethodKind::kPublished:
      return internal::serve_server_stream(call, *this, &RawService::serve_server_stream);
    case MethodKind::kStream:
      break;
  }
  if (!what.client_streaming) {
    return internal::serve_server_stream(call, *this, &RawService::serve_server_stream);
  }
  if (!what.server_streaming) {
    return internal::serve_client_stream(call, *this, &RawService::serve_client_stream);
  }
  return internal::serve_duplex(call, *this, &RawService::serve_duplex);
}

}  // namespace echostream
