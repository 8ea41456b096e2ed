#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/envelope.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/grpc_trailers.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/responses.h"

namespace echostream::gateway {
namespace {

class EnvelopedResponse final : public ResponseMaker {
 public:
  explicit EnvelopedResponse(ResponseStyle style) : style_(std::move(style)) {}

  ResponsePart begin(const Metadata& metadata) override {
    ResponsePart part;
    add_head(metadata, part);
    return part;
  }
  ResponsePart message(Buffer message) override {
    ResponsePart part;
    if (!has_begun_) add_head({}, part);
    std::uint8_t flags = 0;
    if (style_.compression == Compression::kGzip && message.size() >= style_.compress_from_bytes) {
      if (std::optional<Buffer> packed = gzip(message)) {
        message = *std::move(packed);
        flags = kCompressedFlag;
      }
    }
    add_envelope(flags, std::move(message), part);
    return part;
  }
  ResponsePart end(const Status& status, const Metadata& metadata) override {
    ResponsePart part;
    part.is_end = true;
    if (style_.protocol == Protocol::kConnectStream) {
      if (!has_begun_) add_head({}, part);
      add_envelope(kEndStreamFlag, Buffer::copy(to_end_json(status, metadata)), part);
    } else if (!has_begun_ && !status.is_ok()) {
      // gRPC's "Trailers-Only": one section says it all.
      add_fields(part.head);
      write_grpc_trailers(status, metadata, part.head);
      style_.cors.add_to(part.head);
    } else {
      if (!has_begun_) add_head({}, part);
      add_trailers(status, metadata, part);
    }
    return part;
  }

 private:
  void add_fields(http3::Fields& head) const {
    head.add(":status", "200");
    head.add("content-type", std::string(content_type_of(style_.protocol, style_.codec)));
  }

  void add_head(const Metadata& metadata, ResponsePart& part) {
    has_begun_ = true;
    add_fields(part.head);
    if (style_.compression == Compression::kGzip) {
      part.head.add(std::string(encoding_field(style_.protocol)), "gzip");
    }
    write_metadata(metadata, "", part.head);
    style_.cors.add_to(part.head);
  }

  void add_trailers(const Status& status, const Metadata& metadata, ResponsePart& part) const {
    http3::Fields trailers;
    write_grpc_trailers(status, metadata, trailers);
    if (style_.protocol == Protocol::kGrpc) {
      part.trailers = std::move(trailers);
    } else {
      add_envelope(kWebTrailersFlag, Buffer::copy(to_trailer_block(trailers)), part);
    }
  }

  void add_envelope(std::uint8_t flags, Buffer message, ResponsePart& part) const {
    Buffer header = envelope_header(flags, message.size());
    if (style_.protocol == Protocol::kGrpcWebText) {
      std::string bytes(header.text());
      bytes += message.text();
      part.body.push_back(Buffer::copy(to_padded_base64(as_bytes(bytes))));
      return;
    }
    part.body.push_back(std::move(header));
    if (!message.empty()) part.body.push_back(std::move(message));
  }

  ResponseStyle style_;
  bool has_begun_ = false;
};

}  // namespace

std::unique_ptr<ResponseMaker> make_enveloped_response(ResponseStyle style) {
  return std::make_unique<EnvelopedResponse>(std::move(style));
}

std::unique_ptr<ResponseMaker> make_response(const RequestHead& head, const GatewayRules& rules,
                                             std::string origin) {
  ResponseStyle style{head.protocol, head.codec, head.response_compression,
                      rules.compress_from_bytes, CorsGrant(rules, origin)};
  return is_unary(head.protocol) ? make_unary_response(std::move(style))
                                 : make_enveloped_response(std::move(style));
}

}  // namespace echostream::gateway
