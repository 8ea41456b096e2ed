#include "runtime/gateway/link/http_gateway.h"

#include <google/protobuf/descriptor.h>

#include <utility>
#include <vector>

#include "runtime/messages/spelling.h"

namespace echostream::gateway {
namespace {

GatewayRules rules_of(const NodeOptions& node, const HttpOptions& options) {
  GatewayRules rules;
  rules.max_message_bytes = node.limits.max_message_bytes;
  rules.max_metadata_bytes = node.limits.max_metadata_bytes;
  rules.compress_from_bytes = options.compress_from_bytes;
  rules.allowed_origins = options.allowed_origins;
  rules.allowed_hosts = options.allowed_hosts;
  return rules;
}

JsonLimits json_limits(const NodeOptions& node, const HttpOptions& options) {
  JsonLimits limits;
  limits.max_depth = options.max_json_depth;
  limits.max_decoded_bytes = node.limits.max_decoded_bytes;
  return limits;
}

}  // namespace

HttpGateway::HttpGateway(internal::NodeContext& node, HttpOptions options)
    : node_(node),
      options_(std::move(options)),
      rules_(rules_of(node.options, options_)),
      types_(json_limits(node.options, options_)) {}

// Beside the metadata a head has names that HTTP needs, and what browsers add.
std::size_t HttpGateway::max_head_bytes() const noexcept {
  return rules_.max_metadata_bytes + 8 * 1024;
}

const MethodInfo* HttpGateway::find(std::string_view full_name) const {
  const std::string_view service = full_name.substr(0, full_name.find('/'));
  for (const auto& served : node_.registry.services()) {
    if (served->info().full_name != service) continue;
    for (const MethodInfo& method : served->info().methods) {
      if (method.full_name == full_name) return &method;
    }
  }
  return nullptr;
}

Status HttpGateway::unknown(std::string_view full_name) const {
  constexpr std::size_t kLongestName = 200;  // longer ones are not compared: it is quadratic
  std::vector<std::string> names;
  for (const auto& served : node_.registry.services()) {
    for (const MethodInfo& method : served->info().methods) names.emplace_back(method.full_name);
  }
  std::string text = "this node serves no method of that name";
  if (full_name.size() <= kLongestName) text += internal::suggestion(full_name, names);
  return {StatusCode::kUnimplemented, text};
}

Result<const google::protobuf::MethodDescriptor*> HttpGateway::descriptor(
    const MethodInfo& method) {
  if (const auto* known = types_.find_method(method.full_name)) return known;
  const std::string_view service = method.full_name.substr(0, method.full_name.find('/'));
  for (const auto& served : node_.registry.services()) {
    if (served->info().full_name != service) continue;
    Status added = types_.add(served->info());
    if (!added.is_ok()) return Status(StatusCode::kInternal, std::string(added.message()));
  }
  const auto* known = types_.find_method(method.full_name);
  if (known != nullptr) return known;
  return Status(StatusCode::kInternal, "this node does not know the messages of " +
                                           std::string(method.full_name) +
                                           " well enough for JSON; send protobuf");
}

Result<Buffer> HttpGateway::request_from_json(const MethodInfo& method, BytesView json) {
  auto types = descriptor(method);
  if (!types) return types.error();
  return types_.from_json(*(*types)->input_type(), as_text(json));
}

Result<Buffer> HttpGateway::reply_to_json(const MethodInfo& method, BytesView reply) {
  auto types = descriptor(method);
  if (!types) return types.error();
  auto text = types_.to_json(*(*types)->output_type(), reply);
  if (!text) return text.error();
  return Buffer::copy(*text);
}

}  // namespace echostream::gateway
