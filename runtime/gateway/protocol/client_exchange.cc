#include "runtime/gateway/protocol/client_exchange.h"

#include <optional>
#include <utility>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/client_readers.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/envelope.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/status_codes.h"
#include "runtime/gateway/protocol/timeouts.h"

namespace echostream::gateway {

http3::Fields make_request_head(const ClientCall& call) {
  const bool is_grpc_call = is_grpc(call.protocol);
  const std::string type(content_type_of(call.protocol, call.codec));
  http3::Fields head{{":method", "POST"},
                     {":scheme", "https"},
                     {":authority", call.authority},
                     {":path", "/" + call.method}};
  if (call.timeout > Duration::zero()) {
    is_grpc_call ? head.add("grpc-timeout", to_grpc_timeout(call.timeout))
                 : head.add("connect-timeout-ms", to_connect_timeout(call.timeout));
  }
  head.add("content-type", type);
  if (!is_grpc_call) head.add("connect-protocol-version", "1");
  // Tells proxies and servers that trailers are understood.
  if (call.protocol == Protocol::kGrpc) head.add("te", "trailers");
  if (is_grpc_call && call.protocol != Protocol::kGrpc) {
    head.add("accept", type);
    head.add("x-grpc-web", "1");
  }
  head.add(std::string(accept_field(call.protocol)), std::string(kEncodings));
  if (call.compression == Compression::kGzip && !is_unary(call.protocol)) {
    head.add(std::string(encoding_field(call.protocol)), "gzip");
  }
  write_metadata(call.metadata, "", head);
  return head;
}

Buffers make_request_message(const ClientCall& call, Buffer message) {
  Buffers body;
  if (is_unary(call.protocol)) {
    if (!message.empty()) body.push_back(std::move(message));
    return body;
  }
  std::uint8_t flags = 0;
  if (call.compression == Compression::kGzip) {
    if (std::optional<Buffer> packed = gzip(message)) {
      message = *std::move(packed);
      flags = kCompressedFlag;
    }
  }
  Buffer header = envelope_header(flags, message.size());
  if (call.protocol == Protocol::kGrpcWebText) {
    std::string bytes(header.text());
    bytes += message.text();
    body.push_back(Buffer::copy(to_padded_base64(as_bytes(bytes))));
    return body;
  }
  body.push_back(std::move(header));
  if (!message.empty()) body.push_back(std::move(message));
  return body;
}

std::unique_ptr<ResponseReader> make_response_reader(const ClientCall& call,
                                                     std::size_t max_message_bytes,
                                                     std::size_t max_metadata_bytes) {
  const ReaderLimits limits{max_message_bytes, max_metadata_bytes};
  return is_unary(call.protocol) ? make_unary_reader(call.codec, limits)
                                 : make_enveloped_reader(call.protocol, call.codec, limits);
}

int http_status_in(const http3::Fields& head) {
  const long long status = parse_digits(head.get(":status"), 3);
  return status < 0 ? 0 : static_cast<int>(status);
}

Status status_of_http(int http_status) {
  return {status_code_from_http(http_status), "HTTP status " + std::to_string(http_status)};
}

}  // namespace echostream::gateway
