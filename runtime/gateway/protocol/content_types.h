// What a content type says of how a request talks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

struct ContentType {
  Protocol protocol;
  Codec codec;
};

/// Of a POST: "application/json", "application/connect+proto", "application/grpc-web+proto" and
/// their like, in any case; parameters are allowed, but no charset other than UTF-8.
std::optional<ContentType> parse_content_type(std::string_view value);
/// What an answer's head says; kConnectGet answers as kConnectUnary.
std::string_view content_type_of(Protocol protocol, Codec codec);
/// For "accept-post": every type that parse_content_type() takes; those that a unary method takes;
/// those that a stream takes.
std::string accepted_types();
std::string accepted_types_of_unary();
std::string accepted_types_of_streams();

bool is_unary(Protocol protocol);  // the message is the body
bool is_grpc(Protocol protocol);   // of gRPC's family

}  // namespace echostream::gateway
