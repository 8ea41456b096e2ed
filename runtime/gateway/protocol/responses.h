// The two shapes of answers: all at once, or message by message.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/gateway/protocol/cors.h"
#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

struct ResponseStyle {
  Protocol protocol;
  Codec codec;
  Compression compression;
  std::size_t compress_from_bytes;
  CorsGrant cors;
};

/// Connect's unary answers.
std::unique_ptr<ResponseMaker> make_unary_response(ResponseStyle style);
/// Connect's streams, gRPC and gRPC-Web.
std::unique_ptr<ResponseMaker> make_enveloped_response(ResponseStyle style);

}  // namespace echostream::gateway
