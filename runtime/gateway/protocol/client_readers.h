// The two shapes of answers, as a client reads them.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/gateway/protocol/client_exchange.h"

namespace echostream::gateway {

struct ReaderLimits {
  std::size_t max_message_bytes;
  std::size_t max_metadata_bytes;
};

std::unique_ptr<ResponseReader> make_unary_reader(Codec codec, ReaderLimits limits);
std::unique_ptr<ResponseReader> make_enveloped_reader(Protocol protocol, Codec codec,
                                                      ReaderLimits limits);

/// What a head's ":status" says; 0 when it says nothing.
int http_status_in(const http3::Fields& head);
/// For an answer that is not 200 and says no more.
Status status_of_http(int http_status);

}  // namespace echostream::gateway
