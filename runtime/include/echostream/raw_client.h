// Calls methods for which there is no generated code; their messages are bytes. For gateways,
// proxies and tools; the other end of RawService.
#pragma once

#include <utility>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call_options.h"
#include "echostream/method.h"
#include "echostream/session.h"
#include "echostream/stream.h"

namespace echostream {

/// A cheap handle, like a generated client: `RawClient client(session.channel());`. One thread: the
/// loop's. The serving node notices no difference.
///
/// What a method is (its id, kind and delivery) must be what the serving node's .proto says. The
/// MethodInfo must outlive the call; where the calling node has middleware, the node: layers keep
/// its address. What is sent should be an encoded message of the method's type. What arrives is
/// what the peer sent, within the limits of size, and need not be one.
class RawClient {
 public:
  explicit RawClient(Channel channel) noexcept : channel_(std::move(channel)) {}

  /// MethodKind::kRpc. The reply, or the status that the call ended with.
  Task<Result<Buffer>> call(const MethodInfo& info, Buffer request, CallOptions options = {}) const;
  /// MethodKind::kEvent. OK when it is on its way; nobody says whether it was received.
  Task<Status> emit(const MethodInfo& info, Buffer event, CallOptions options = {}) const;

  // Streams. One that cannot be opened is one that has ended, and says why.

  /// A stream from the peer; and MethodKind::kPublished, where the request is the filter.
  Task<Reader<Buffer>> open_reader(const MethodInfo& info, Buffer request,
                                   CallOptions options = {}) const;
  Task<ClientStream<Buffer, Buffer>> open_client_stream(const MethodInfo& info,
                                                        CallOptions options = {}) const;
  Task<DuplexStream<Buffer, Buffer>> open_duplex(const MethodInfo& info,
                                                 CallOptions options = {}) const;

 private:
  Channel channel_;
};

}  // namespace echostream
