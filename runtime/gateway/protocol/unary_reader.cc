#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/buffer_builder.h"
#include "runtime/gateway/protocol/client_readers.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/metadata_fields.h"

namespace echostream::gateway {
namespace {

class UnaryReader final : public ResponseReader {
 public:
  UnaryReader(Codec codec, ReaderLimits limits) : codec_(codec), limits_(limits) {}

  Status on_head(const http3::Fields& head) override {
    http_status_ = http_status_in(head);
    Status status = read_all_metadata(head);
    if (!status.is_ok()) return status;
    const std::optional<Compression> compression = parse_encoding(head.get("content-encoding"));
    if (!compression) return {StatusCode::kInternal, "an answer in an unknown encoding"};
    compression_ = *compression;
    const std::optional<ContentType> type = parse_content_type(head.get("content-type"));
    const bool is_ours = type && type->protocol == Protocol::kConnectUnary && type->codec == codec_;
    if (http_status_ != 200 || is_ours) return Status::ok();
    return {StatusCode::kUnknown, "an answer of another content type"};
  }

  Status feed(BytesView data, Buffers&) override {
    if (data.size() > limits_.max_message_bytes - body_.size()) {
      return {StatusCode::kResourceExhausted,
              "an answer of more than " + std::to_string(limits_.max_message_bytes) + " bytes"};
    }
    body_.append(data);
    return Status::ok();
  }

  Status on_trailers(const http3::Fields&) override { return Status::ok(); }

  Status finish(Buffers& messages) override {
    Result<Buffer> body = unpack(body_.take(), compression_, limits_.max_message_bytes);
    if (http_status_ == 200) {
      if (!body) return body.error();
      messages.push_back(*std::move(body));
      return Status::ok();
    }
    // Whatever stands between may answer in words of its own.
    if (!body) return status_of_http(http_status_);
    return parse_error_json(body->text()).value_or(status_of_http(http_status_));
  }

  std::size_t held_bytes() const override { return body_.capacity(); }

 private:
  Status read_all_metadata(const http3::Fields& head) {
    constexpr std::string_view kTrailer = "trailer-";
    http3::Fields leading;
    http3::Fields trailing;
    for (const http3::Field& field : head) {
      const bool is_trailing = field.name.starts_with(kTrailer);
      http3::Fields& fields = is_trailing ? trailing : leading;
      fields.add(field.name.substr(is_trailing ? kTrailer.size() : 0), field.value);
    }
    Status status = read_metadata(leading, limits_.max_metadata_bytes, metadata_);
    if (!status.is_ok()) return status;
    return read_metadata(trailing, limits_.max_metadata_bytes, trailing_metadata_);
  }

  Codec codec_;
  ReaderLimits limits_;
  int http_status_ = 0;
  Compression compression_ = Compression::kNone;
  BufferBuilder body_;
};

}  // namespace

std::unique_ptr<ResponseReader> make_unary_reader(Codec codec, ReaderLimits limits) {
  return std::make_unique<UnaryReader>(codec, limits);
}

}  // namespace echostream::gateway
