// What all HTTP connections of a node share: its rules, and its services by their names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "echostream/http.h"

#include "runtime/api/node_context.h"
#include "runtime/gateway/json/message_types.h"
#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

class HttpGateway {
 public:
  /// The node outlives it.
  HttpGateway(internal::NodeContext& node, HttpOptions options);

  const GatewayRules& rules() const noexcept { return rules_; }
  const HttpOptions& options() const noexcept { return options_; }
  /// What the head of a request may have, counted as RFC 9114 4.2.2 does.
  std::size_t max_head_bytes() const noexcept;
  internal::NodeContext& node() noexcept { return node_; }

  /// Null when the node serves no such method. "acme.v1.Robot/Grip"
  const MethodInfo* find(std::string_view full_name) const;
  /// UNIMPLEMENTED, with what was perhaps meant.
  Status unknown(std::string_view full_name) const;

  /// A request's message as the handler takes it; `json` is none yet.
  Result<Buffer> request_from_json(const MethodInfo& method, BytesView json);
  Result<Buffer> reply_to_json(const MethodInfo& method, BytesView reply);

 private:
  Result<const google::protobuf::MethodDescriptor*> descriptor(const MethodInfo& method);

  internal::NodeContext& node_;
  HttpOptions options_;
  GatewayRules rules_;
  MessageTypes types_;
};

}  // namespace echostream::gateway
