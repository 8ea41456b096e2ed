#include "runtime/gateway/protocol/encodings.h"

#include <string>
#include <vector>

#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/gzip.h"

namespace echostream::gateway {
namespace {

struct Coding {
  std::string name;
  bool is_refused;  // q=0
};

std::vector<Coding> codings_of(std::string_view accepted) {
  std::vector<Coding> codings;
  for (const std::string_view item : split_list(accepted)) {
    const std::vector<std::string_view> parts = split_list(item, ';');
    if (parts.empty()) continue;
    bool is_refused = false;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const std::string parameter = to_lower_ascii(parts[i]);
      is_refused = is_refused || (parameter.starts_with("q=0") &&
                                  parameter.find_first_not_of("0.", 2) == std::string::npos);
    }
    codings.push_back({to_lower_ascii(parts[0]), is_refused});
  }
  return codings;
}

}  // namespace

std::optional<Compression> parse_encoding(std::string_view value) {
  const std::string name = to_lower_ascii(trimmed(value));
  if (name.empty() || name == "identity") return Compression::kNone;
  if (name == "gzip") return Compression::kGzip;
  return std::nullopt;
}

Compression preferred_encoding(std::string_view accepted) {
  for (const Coding& coding : codings_of(accepted)) {
    if (coding.is_refused) continue;
    if (coding.name == "gzip") return Compression::kGzip;
    if (coding.name == "identity") return Compression::kNone;
  }
  return Compression::kNone;
}

Compression best_encoding(std::string_view accepted) {
  for (const Coding& coding : codings_of(accepted)) {
    if (coding.name == "gzip" && !coding.is_refused) return Compression::kGzip;
  }
  return Compression::kNone;
}

Result<Buffer> unpack(Buffer message, Compression compression, std::size_t max_bytes) {
  if (compression == Compression::kNone || message.empty()) return message;
  return gunzip(message, max_bytes);
}

std::string_view encoding_field(Protocol protocol) {
  if (is_grpc(protocol)) return "grpc-encoding";
  return is_unary(protocol) ? "content-encoding" : "connect-content-encoding";
}

std::string_view accept_field(Protocol protocol) {
  if (is_grpc(protocol)) return "grpc-accept-encoding";
  return is_unary(protocol) ? "accept-encoding" : "connect-accept-encoding";
}

}  // namespace echostream::gateway
