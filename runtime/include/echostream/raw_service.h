// A service whose messages are bytes, for programs that serve what they have no generated code for:
// gateways, proxies, players of recordings.
#pragma once

#include <cstddef>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call.h"
#include "echostream/method.h"
#include "echostream/service.h"
#include "echostream/stream.h"

namespace echostream {

/// Node::serve() takes it as it takes a generated Handler; clients notice no difference. A method
/// comes to that of the functions below which its kind asks for; Call::method() says which one it
/// is. What arrives is what the peer sent, within the limits of size, and need not be a message of
/// the method's type; what is sent should be one.
class RawService : public Service {
 public:
  /// What the handlers' methods are. Their MethodInfo must live as long as the node that serves
  /// them: middleware keeps their addresses.
  const ServiceInfo& info() const override = 0;

  // Each says UNIMPLEMENTED unless it is overridden.

  /// MethodKind::kRpc.
  virtual Task<Result<Buffer>> serve_rpc(Call& call, Buffer request);
  /// MethodKind::kEvent.
  virtual Task<Status> serve_event(Call& call, Buffer event);
  /// A stream to the caller; and a subscription to MethodKind::kPublished, which lasts as long as
  /// this does.
  virtual Task<Status> serve_server_stream(Call& call, Buffer request, Writer<Buffer> out);
  virtual Task<Result<Buffer>> serve_client_stream(Call& call, Reader<Buffer> in);
  virtual Task<Status> serve_duplex(Call& call, Reader<Buffer> in, Writer<Buffer> out);

 private:
  Task<void> dispatch(std::size_t method, internal::ServerCall& call) final;
};

}  // namespace echostream
