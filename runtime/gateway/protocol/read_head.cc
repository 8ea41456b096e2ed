// What a head asks for. Whom it is for and where it comes from are looked at first, so that nobody
// else learns anything.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/gateway/protocol/authority.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/cors.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/exchange.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/path.h"
#include "runtime/gateway/protocol/query.h"
#include "runtime/gateway/protocol/refusal.h"
#include "runtime/gateway/protocol/timeouts.h"

namespace echostream::gateway {
namespace {

// The answer to HEAD is a head, even when it says no.
void trim_for(const http3::Fields& head, ResponsePart& refusal) {
  if (head.get(":method") == "HEAD") refusal.body.clear();
}

using Answer = std::variant<RequestHead, ResponsePart>;

constexpr std::string_view kVerbs = "GET, POST, OPTIONS";

// Pages of other hosts, and pages that nobody allowed.
std::optional<ResponsePart> refuse_stranger(const http3::Fields& head, const GatewayRules& rules) {
  if (auto refusal = refuse_host(head, rules)) return refusal;
  if (!is_allowed_sender(head, *authority_of(head), rules)) {
    return refuse(403, Status(StatusCode::kPermissionDenied,
                              "pages of this origin may not call here (allowed origins)"));
  }
  return std::nullopt;
}

ResponsePart answer_options(const http3::Fields& head, const GatewayRules& rules) {
  if (is_preflight(head)) return answer_preflight(head, rules);
  ResponsePart part;
  part.is_end = true;
  part.head = {{":status", "204"}, {"allow", std::string(kVerbs)}};
  return part;
}

Status check_version(const http3::Fields& head, const RequestHead& request, const GetQuery& query) {
  if (is_grpc(request.protocol)) return Status::ok();
  if (request.protocol == Protocol::kConnectGet) {
    if (query.connect.value_or("v1") == "v1") return Status::ok();
    return {StatusCode::kInvalidArgument, "the query's \"connect\" knows no version but v1"};
  }
  constexpr std::string_view kField = "connect-protocol-version";
  if (!head.has(kField) || trimmed(head.get(kField)) == "1") return Status::ok();
  return {StatusCode::kInvalidArgument, "connect-protocol-version knows no version but 1"};
}

Status read_encodings(const http3::Fields& head, const GetQuery& query, RequestHead& request) {
  const bool is_get = request.protocol == Protocol::kConnectGet;
  const std::string_view told = head.get(encoding_field(request.protocol));
  const std::optional<Compression> packed =
      parse_encoding(is_get ? query.compression.value_or("") : told);
  if (!packed) {
    return {StatusCode::kUnimplemented,
            "an unknown compression; known are: " + std::string(kEncodings)};
  }
  request.compression = *packed;
  const std::string_view field = accept_field(request.protocol);
  if (!head.has(field)) {
    request.response_compression = *packed;
    return Status::ok();
  }
  const std::string_view accepted = head.get(field);
  request.response_compression =
      is_grpc(request.protocol) ? best_encoding(accepted) : preferred_encoding(accepted);
  return Status::ok();
}

Status read_timeout(const http3::Fields& head, RequestHead& request) {
  const bool is_grpc_call = is_grpc(request.protocol);
  const std::string_view field = is_grpc_call ? "grpc-timeout" : "connect-timeout-ms";
  if (!head.has(field)) return Status::ok();
  const std::string_view value = trimmed(head.get(field));
  const Result<Duration> timeout =
      is_grpc_call ? parse_grpc_timeout(value) : parse_connect_timeout(value);
  if (!timeout) return timeout.error();
  request.timeout = *timeout;
  return Status::ok();
}

// What is too long anyway need not come.
Status check_length(const http3::Fields& head, const RequestHead& request,
                    const GatewayRules& rules) {
  if (!is_unary(request.protocol) || !head.has("content-length")) return Status::ok();
  const long long length = parse_digits(head.get("content-length"), 18);
  if (length < 0) return {StatusCode::kInvalidArgument, "content-length is no number"};
  if (static_cast<unsigned long long>(length) <= rules.max_message_bytes) return Status::ok();
  return {StatusCode::kResourceExhausted, "a message of " + std::to_string(length) + " bytes; " +
                                              std::to_string(rules.max_message_bytes) +
                                              " are allowed"};
}

Status read_message(const GetQuery& query, const GatewayRules& rules, RequestHead& request) {
  if (request.protocol != Protocol::kConnectGet) return Status::ok();
  Result<Buffer> message = message_of_query(query, rules.max_message_bytes);
  if (!message) return message.error();
  request.message = *std::move(message);
  return Status::ok();
}

Status read_call(const http3::Fields& head, const GatewayRules& rules, const GetQuery& query,
                 RequestHead& request) {
  Status status = check_version(head, request, query);
  if (status.is_ok()) status = read_encodings(head, query, request);
  if (status.is_ok()) status = read_timeout(head, request);
  if (status.is_ok()) status = read_metadata(head, rules.max_metadata_bytes, request.metadata);
  if (status.is_ok()) status = check_length(head, request, rules);
  if (status.is_ok()) status = read_message(query, rules, request);
  return status;
}

// The answer in the request's own protocol.
ResponsePart refuse_call(const RequestHead& request, const Status& status,
                         const GatewayRules& rules, std::string origin) {
  ResponsePart part = make_response(request, rules, std::move(origin))->end(status, {});
  if (status.code() == StatusCode::kUnimplemented) {
    part.head.add(std::string(accept_field(request.protocol)), std::string(kEncodings));
  }
  return part;
}

// How the request talks; an answer when it does so in no way that we know.
std::optional<ResponsePart> read_protocol(const http3::Fields& head, const GetQuery& query,
                                          RequestHead& request) {
  const std::optional<ContentType> type = parse_content_type(head.get("content-type"));
  if (head.get(":method") == "GET") {
    if (type && !is_unary(type->protocol)) return refuse_verb("POST, OPTIONS");
    request.protocol = Protocol::kConnectGet;
    const std::string codec = query.encoding.value_or("");
    if (codec == "proto" || codec == "json") {
      request.codec = codec == "json" ? Codec::kJson : Codec::kProto;
      return std::nullopt;
    }
    return refuse_content_type("the query's \"encoding\" has to be proto or json", {});
  }
  if (!type) {
    return refuse_content_type("a content type that is none of Connect, gRPC or gRPC-Web",
                               accepted_types());
  }
  request.protocol = type->protocol;
  request.codec = type->codec;
  return std::nullopt;
}

// An answer of no protocol's, which pages may see nevertheless.
ResponsePart granted(ResponsePart refusal, const CorsGrant& grant) {
  grant.add_to(refusal.head);
  return refusal;
}

Answer read_request(const http3::Fields& head, const GatewayRules& rules, const CorsGrant& grant) {
  const RequestTarget target = split_target(head.get(":path"));
  RequestHead request;
  std::optional<std::string_view> method = method_of_path(target.path);
  if (!method) {
    const Status status(StatusCode::kUnimplemented,
                        "no method has that path; they look like /acme.v1.Robot/Grip");
    return granted(refuse(404, status), grant);
  }
  request.method = *method;
  const bool is_get = head.get(":method") == "GET";
  const Result<GetQuery> query = is_get ? parse_query(target.query) : Result<GetQuery>(GetQuery{});
  if (!query) return granted(refuse(400, query.error()), grant);
  if (auto refusal = read_protocol(head, *query, request)) {
    return granted(*std::move(refusal), grant);
  }
  const Status status = read_call(head, rules, *query, request);
  if (status.is_ok()) return request;
  return refuse_call(request, status, rules, std::string(head.get("origin")));
}

Answer answer_of(const http3::Fields& head, const GatewayRules& rules) {
  if (auto refusal = refuse_stranger(head, rules)) return *std::move(refusal);
  const std::string_view verb = head.get(":method");
  if (verb == "OPTIONS") return answer_options(head, rules);
  const CorsGrant grant(rules, head.get("origin"));
  if ((verb != "GET" && verb != "POST") || head.has(":protocol")) {
    return granted(refuse_verb(std::string(kVerbs)), grant);
  }
  return read_request(head, rules, grant);
}

}  // namespace

std::variant<RequestHead, ResponsePart> read_head(const http3::Fields& head,
                                                  const GatewayRules& rules) {
  Answer answer = answer_of(head, rules);
  if (ResponsePart* refusal = std::get_if<ResponsePart>(&answer)) trim_for(head, *refusal);
  return answer;
}

// DNS rebinding: a page whose name has come to mean our address names its own host here, and not
// ours.
std::optional<ResponsePart> refuse_host(const http3::Fields& head, const GatewayRules& rules) {
  const Result<std::string> authority = authority_of(head);
  std::optional<ResponsePart> refusal;
  if (!authority) {
    refusal = refuse(400, authority.error());
  } else if (!is_allowed_host(*authority, rules.allowed_hosts)) {
    refusal = refuse(421, Status(StatusCode::kPermissionDenied,
                                 "this server does not answer for that host (allowed hosts)"));
  }
  if (refusal) trim_for(head, *refusal);
  return refusal;
}

}  // namespace echostream::gateway
