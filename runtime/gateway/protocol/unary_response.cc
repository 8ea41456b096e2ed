#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/responses.h"
#include "runtime/gateway/protocol/status_codes.h"

namespace echostream::gateway {
namespace {

class UnaryResponse final : public ResponseMaker {
 public:
  explicit UnaryResponse(ResponseStyle style) : style_(std::move(style)) {}

  ResponsePart begin(const Metadata& metadata) override {
    metadata_ = metadata;
    return {};
  }
  ResponsePart message(Buffer message) override {
    has_too_many_ = message_.has_value();
    message_ = std::move(message);
    return {};
  }
  ResponsePart end(const Status& status, const Metadata& metadata) override {
    const Status told = status.is_ok() ? check() : status;
    const bool is_ok = told.is_ok();
    ResponsePart part;
    part.is_end = true;
    part.head.add(":status", std::to_string(http_status_of(told.code())));
    part.head.add("content-type",
                  is_ok ? content_type_of(style_.protocol, style_.codec) : "application/json");
    add_body(is_ok ? *std::move(message_) : Buffer::copy(to_error_json(told)), part);
    write_metadata(metadata_, "", part.head);
    write_metadata(metadata, "trailer-", part.head);
    // What caches of GETs need to know.
    if (style_.protocol == Protocol::kConnectGet) part.head.add("vary", "accept-encoding");
    style_.cors.add_to(part.head);
    return part;
  }

 private:
  Status check() const {
    if (!message_) return {StatusCode::kInternal, "the call ended without its reply"};
    if (has_too_many_) return {StatusCode::kInternal, "the call has more than one reply"};
    return Status::ok();
  }

  void add_body(Buffer body, ResponsePart& part) const {
    if (style_.compression == Compression::kGzip && body.size() >= style_.compress_from_bytes) {
      if (std::optional<Buffer> packed = gzip(body)) {
        body = *std::move(packed);
        part.head.add("content-encoding", "gzip");
      }
    }
    part.head.add("content-length", std::to_string(body.size()));
    if (!body.empty()) part.body.push_back(std::move(body));
  }

  ResponseStyle style_;
  Metadata metadata_;
  std::optional<Buffer> message_;
  bool has_too_many_ = false;
};

}  // namespace

std::unique_ptr<ResponseMaker> make_unary_response(ResponseStyle style) {
  return std::make_unique<UnaryResponse>(std::move(style));
}

}  // namespace echostream::gateway
