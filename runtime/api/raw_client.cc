#include "echostream/raw_client.h"

#include <utility>

#include "echostream/generated_support.h"

namespace echostream {

Task<Result<Buffer>> RawClient::call(const MethodInfo& info, Buffer request,
                                     CallOptions options) const {
  return internal::call_encoded<Buffer>(channel_, info, std::move(request), std::move(options));
}

Task<Status> RawClient::emit(const MethodInfo& info, Buffer event, CallOptions options) const {
  return internal::send_event(channel_, info, std::move(event), std::move(options));
}

Task<Reader<Buffer>> RawClient::open_reader(const MethodInfo& info, Buffer request,
                                            CallOptions options) const {
  return internal::open_encoded<Buffer>(channel_, info, std::move(request), std::move(options));
}

Task<ClientStream<Buffer, Buffer>> RawClient::open_client_stream(const MethodInfo& info,
                                                                 CallOptions options) const {
  return internal::open_client_stream<Buffer, Buffer>(channel_, info, std::move(options));
}

Task<DuplexStream<Buffer, Buffer>> RawClient::open_duplex(const MethodInfo& info,
                                                          CallOptions options) const {
  return internal::open_duplex<Buffer, Buffer>(channel_, info, std::move(options));
}

}  // namespace echostream
