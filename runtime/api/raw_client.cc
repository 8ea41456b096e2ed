#include "echostream/raw_client.h"

#include <utility>

#include "echostream/generated_support.h"

namespace echostream {

Task<Result<Buffer>> RawClient::call(const MethodInfo& method, Buffer request,
                                     CallOptions options) const {
  return internal::call_encoded<Buffer>(channel_, method, std::move(request), std::move(options));
}

Task<Status> RawClient::emit(const MethodInfo& method, Buffer event, CallOptions options) const {
  return internal::send_event(channel_, method, std::move(event), std::move(options));
}

Task<Reader<Buffer>> RawClient::open_reader(const MethodInfo& method, Buffer request,
                                            CallOptions options) const {
  return internal::open_encoded<Buffer>(channel_, method, std::move(request), std::move(options));
}

Task<ClientStream<Buffer, Buffer>> RawClient::open_client_stream(const MethodInfo& method,
                                                                 CallOptions options) const {
  return internal::open_client_stream<Buffer, Buffer>(channel_, method, std::move(options));
}

Task<DuplexStream<Buffer, Buffer>> RawClient::open_duplex(const MethodInfo& method,
                                                          CallOptions options) const {
  return internal::open_duplex<Buffer, Buffer>(channel_, method, std::move(options));
}

}  // namespace echostream
