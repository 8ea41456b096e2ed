#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/client_readers.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/envelope.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/grpc_trailers.h"
#include "runtime/gateway/protocol/metadata_fields.h"

namespace echostream::gateway {
namespace {

class EnvelopedReader final : public ResponseReader {
 public:
  EnvelopedReader(Protocol protocol, Codec codec, ReaderLimits limits)
      : protocol_(protocol), codec_(codec), limits_(limits), reader_(limits.max_message_bytes) {}

  Status on_head(const http3::Fields& head) override {
    // "Trailers-Only": the status is where the metadata would be.
    if (is_grpc(protocol_) && head.has("grpc-status")) return on_trailers(head);
    const int http_status = http_status_in(head);
    if (http_status != 200) return status_of_http(http_status);
    const std::optional<ContentType> type = parse_content_type(head.get("content-type"));
    if (!type || type->protocol != protocol_ || type->codec != codec_) {
      return {StatusCode::kUnknown, "an answer of another content type"};
    }
    const std::optional<Compression> compression =
        parse_encoding(head.get(encoding_field(protocol_)));
    if (!compression) return {StatusCode::kInternal, "an answer in an unknown encoding"};
    compression_ = *compression;
    return read_metadata(head, limits_.max_metadata_bytes, metadata_);
  }

  Status feed(BytesView data, Buffers& messages) override {
    if (protocol_ != Protocol::kGrpcWebText) return cut(data, messages);
    std::string bytes;
    const bool is_base64 = base64_.feed(as_text(data), bytes);
    Status status = cut(as_bytes(bytes), messages);
    return status.is_ok() && !is_base64 ? broken("no base64") : status;
  }

  Status on_trailers(const http3::Fields& trailers) override {
    if (!is_grpc(protocol_)) return Status::ok();
    return end_with(read_grpc_status(trailers), trailers);
  }

  Status finish(Buffers& messages) override {
    std::string bytes;
    if (!base64_.finish(bytes)) return broken("no base64");
    Status status = cut(as_bytes(bytes), messages);
    if (!status.is_ok()) return status;
    if (!reader_.is_between()) return broken("cut off inside a message");
    return end_.value_or(broken("no status at its end"));
  }

  std::size_t held_bytes() const override { return reader_.held_bytes(); }

 private:
  static Status broken(const std::string& problem) {
    return {StatusCode::kInternal, "a malformed answer: " + problem};
  }

  Status end_with(Status status, const http3::Fields& trailers) {
    if (end_) return broken("two ends");
    end_ = std::move(status);
    return read_metadata(trailers, limits_.max_metadata_bytes, trailing_metadata_);
  }

  Status cut(BytesView data, Buffers& messages) {
    while (true) {
      Result<std::optional<Envelope>> next = reader_.next(data);
      if (!next) return next.error();
      if (!next->has_value()) return Status::ok();
      Status status = open(*std::move(*next), messages);
      if (!status.is_ok()) return status;
    }
  }

  Status open(Envelope envelope, Buffers& messages) {
    if (end_) return broken("something behind its end");
    const std::uint8_t flags = envelope.flags;
    const bool is_packed = (flags & kCompressedFlag) != 0;
    if (is_packed && compression_ == Compression::kNone) return broken("compressed, not said how");
    Result<Buffer> message =
        unpack(std::move(envelope.message), is_packed ? compression_ : Compression::kNone,
               limits_.max_message_bytes);
    if (!message) return message.error();
    switch (flags & ~kCompressedFlag) {
      case 0:
        messages.push_back(*std::move(message));
        return Status::ok();
      case kEndStreamFlag:
        return read_end_of_stream(message->text());
      case kWebTrailersFlag:
        return read_web_trailers(message->text());
      default:
        return broken("unknown flags");
    }
  }

  Status read_end_of_stream(std::string_view json) {
    if (protocol_ != Protocol::kConnectStream) return broken("unknown flags");
    Result<EndOfStream> end = parse_end_json(json);
    if (!end) return end.error();
    end_ = std::move(end->status);
    trailing_metadata_ = std::move(end->metadata);
    if (trailing_metadata_.byte_size() <= limits_.max_metadata_bytes) return Status::ok();
    trailing_metadata_ = {};
    return {StatusCode::kResourceExhausted, "trailing metadata over the limit"};
  }

  Status read_web_trailers(std::string_view block) {
    if (protocol_ != Protocol::kGrpcWeb && protocol_ != Protocol::kGrpcWebText) {
      return broken("unknown flags");
    }
    const Result<http3::Fields> trailers = parse_trailer_block(block);
    if (!trailers) return trailers.error();
    return on_trailers(*trailers);
  }

  Protocol protocol_;
  Codec codec_;
  ReaderLimits limits_;
  Compression compression_ = Compression::kNone;
  Base64Reader base64_;
  EnvelopeReader reader_;
  std::optional<Status> end_;
};

}  // namespace

std::unique_ptr<ResponseReader> make_enveloped_reader(Protocol protocol, Codec codec,
                                                      ReaderLimits limits) {
  return std::make_unique<EnvelopedReader>(protocol, codec, limits);
}

}  // namespace echostream::gateway
