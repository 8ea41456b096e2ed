#include "runtime/gateway/protocol/content_types.h"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

struct TypeRow {
  std::string_view name;
  ContentType type;
};

// The first row of a protocol and codec is the one that answers use.
constexpr std::array<TypeRow, 13> kTypeRows = {{
    {"application/proto", {Protocol::kConnectUnary, Codec::kProto}},
    {"application/json", {Protocol::kConnectUnary, Codec::kJson}},
    {"application/connect+proto", {Protocol::kConnectStream, Codec::kProto}},
    {"application/connect+json", {Protocol::kConnectStream, Codec::kJson}},
    {"application/grpc+proto", {Protocol::kGrpc, Codec::kProto}},
    {"application/grpc+json", {Protocol::kGrpc, Codec::kJson}},
    {"application/grpc", {Protocol::kGrpc, Codec::kProto}},
    {"application/grpc-web+proto", {Protocol::kGrpcWeb, Codec::kProto}},
    {"application/grpc-web+json", {Protocol::kGrpcWeb, Codec::kJson}},
    {"application/grpc-web", {Protocol::kGrpcWeb, Codec::kProto}},
    {"application/grpc-web-text+proto", {Protocol::kGrpcWebText, Codec::kProto}},
    {"application/grpc-web-text+json", {Protocol::kGrpcWebText, Codec::kJson}},
    {"application/grpc-web-text", {Protocol::kGrpcWebText, Codec::kProto}},
}};

bool is_foreign_charset(std::string_view parameter) {
  const std::string lower = to_lower_ascii(parameter);
  return lower.starts_with("charset=") && lower != "charset=utf-8" && lower != "charset=\"utf-8\"";
}

template <class IsWanted>
std::string listed_types(IsWanted is_wanted) {
  std::string list;
  for (const TypeRow& row : kTypeRows) {
    if (!is_wanted(row.type.protocol)) continue;
    if (!list.empty()) list += ", ";
    list += row.name;
  }
  return list;
}

}  // namespace

std::optional<ContentType> parse_content_type(std::string_view value) {
  const std::vector<std::string_view> parts = split_list(value, ';');
  if (parts.empty()) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (is_foreign_charset(parts[i])) return std::nullopt;
  }
  const std::string name = to_lower_ascii(parts[0]);
  for (const TypeRow& row : kTypeRows) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::string_view content_type_of(Protocol protocol, Codec codec) {
  if (protocol == Protocol::kConnectGet) protocol = Protocol::kConnectUnary;
  for (const TypeRow& row : kTypeRows) {
    if (row.type.protocol == protocol && row.type.codec == codec) return row.name;
  }
  return {};
}

std::string accepted_types() {
  return listed_types([](Protocol) { return true; });
}
std::string accepted_types_of_unary() {
  return listed_types([](Protocol protocol) { return protocol != Protocol::kConnectStream; });
}
std::string accepted_types_of_streams() {
  return listed_types([](Protocol protocol) { return protocol != Protocol::kConnectUnary; });
}

bool is_unary(Protocol protocol) {
  return protocol == Protocol::kConnectUnary || protocol == Protocol::kConnectGet;
}

bool is_grpc(Protocol protocol) {
  return protocol == Protocol::kGrpc || protocol == Protocol::kGrpcWeb ||
         protocol == Protocol::kGrpcWebText;
}

}  // namespace echostream::gateway
