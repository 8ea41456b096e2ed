// Which requests a method takes, by its kind.
#include <optional>
#include <string>
#include <utility>

#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/cors.h"
#include "runtime/gateway/protocol/exchange.h"
#include "runtime/gateway/protocol/refusal.h"

namespace echostream::gateway {
namespace {

bool is_stream(const MethodInfo& method) {
  return method.kind == MethodKind::kStream || method.kind == MethodKind::kPublished;
}

ResponsePart refuse_get(const MethodInfo& method) {
  constexpr char kAllowed[] = "POST, OPTIONS";
  const std::string why =
      is_stream(method) || method.kind == MethodKind::kEvent
          ? "this takes POST only: GET is for rpcs"
          : "this takes POST only: GET is for rpcs whose .proto says `option idempotency_level = "
            "NO_SIDE_EFFECTS;`";
  return refuse(405, Status(StatusCode::kUnimplemented, why), {{"allow", kAllowed}});
}

std::optional<ResponsePart> refusal_for(const RequestHead& head, const MethodInfo& method) {
  if (is_grpc(head.protocol)) return std::nullopt;  // one shape for all methods
  const bool is_get = head.protocol == Protocol::kConnectGet;
  // A page can make a browser send a GET to anywhere; what it does must not matter.
  if (is_get && !method.no_side_effects) return refuse_get(method);
  if (is_stream(method) == is_unary(head.protocol)) {
    return is_stream(method)
               ? refuse_content_type(
                     "the method is a stream, which Connect calls by application/connect+json or "
                     "+proto",
                     accepted_types_of_streams())
               : refuse_content_type("the method is no stream; Connect calls it by unary requests",
                                     accepted_types_of_unary());
  }
  return std::nullopt;
}

}  // namespace

std::optional<ResponsePart> refuse_method(const RequestHead& head, const MethodInfo& method,
                                          const GatewayRules& rules, std::string origin) {
  std::optional<ResponsePart> refusal = refusal_for(head, method);
  if (refusal) CorsGrant(rules, origin).add_to(refusal->head);
  return refusal;
}

ResponsePart refuse_unknown_method(const RequestHead& head, const Status& why,
                                   const GatewayRules& rules, std::string origin) {
  if (!is_unary(head.protocol)) {
    return make_response(head, rules, std::move(origin))->end(why, {});
  }
  ResponsePart refusal = refuse(404, why);
  CorsGrant(rules, origin).add_to(refusal.head);
  return refusal;
}

}  // namespace echostream::gateway
