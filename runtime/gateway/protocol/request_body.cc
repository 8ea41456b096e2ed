// Bodies of requests, cut into messages.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/buffer_builder.h"
#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/envelope.h"
#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {
namespace {

// Of base64, which is decoded before it is known where messages end.
constexpr std::size_t kTextPieceBytes = 1024;

// Remembers what was wrong: nothing more comes of such a body.
class CheckedBody : public RequestBody {
 public:
  Status feed(BytesView data, Buffers& messages) final {
    Status status = feed_some(data, messages);
    while (!data.empty() && status.is_ok()) status = feed_some(data, messages);
    return status;
  }
  Status feed_some(BytesView& data, Buffers& messages) final {
    if (status_.is_ok()) status_ = take(data, messages);
    if (!status_.is_ok()) drop();
    return status_;
  }
  Status finish(Buffers& messages) final {
    if (status_.is_ok()) status_ = complete(messages);
    return status_;
  }

 private:
  // Takes something from the front of `data`, and not more than up to the end of a message.
  virtual Status take(BytesView& data, Buffers& messages) = 0;
  virtual Status complete(Buffers& messages) = 0;
  virtual void drop() = 0;

  Status status_;
};

class UnaryBody final : public CheckedBody {
 public:
  UnaryBody(Compression compression, std::size_t max_bytes)
      : compression_(compression), max_bytes_(max_bytes) {}
  std::size_t held_bytes() const override { return body_.capacity(); }

 private:
  Status take(BytesView& all, Buffers&) override {
    const BytesView data = std::exchange(all, {});
    if (data.size() > max_bytes_ - body_.size()) {
      return {StatusCode::kResourceExhausted,
              "a message of more than " + std::to_string(max_bytes_) + " bytes"};
    }
    const std::size_t needed = body_.size() + data.size();
    if (needed > body_.capacity()) {
      body_.reserve(std::min(max_bytes_, std::max(needed, body_.capacity() * 2)));
    }
    body_.append(data);
    return Status::ok();
  }
  Status complete(Buffers& messages) override {
    Result<Buffer> message = unpack(body_.take(), compression_, max_bytes_);
    if (!message) return message.error();
    messages.push_back(*std::move(message));
    return Status::ok();
  }
  void drop() override { body_.take(); }

  Compression compression_;
  std::size_t max_bytes_;
  BufferBuilder body_;
};

// The message was in the query.
class EmptyBody final : public CheckedBody {
 public:
  std::size_t held_bytes() const override { return 0; }

 private:
  Status take(BytesView& data, Buffers&) override {
    if (data.empty()) return Status::ok();
    return {StatusCode::kInvalidArgument, "a GET has no body"};
  }
  Status complete(Buffers&) override { return Status::ok(); }
  void drop() override {}
};

class EnvelopedBody final : public CheckedBody {
 public:
  EnvelopedBody(Protocol protocol, Compression compression, std::size_t max_bytes)
      : is_text_(protocol == Protocol::kGrpcWebText),
        compression_(compression),
        max_bytes_(max_bytes),
        reader_(max_bytes) {}
  std::size_t held_bytes() const override { return reader_.held_bytes(); }

 private:
  Status take(BytesView& data, Buffers& messages) override {
    if (!is_text_) return cut_one(data, messages);
    const BytesView piece = data.first(std::min(data.size(), kTextPieceBytes));
    data = data.subspan(piece.size());
    std::string bytes;
    // What came before the first wrong character counts, wherever the pieces begin and end.
    const bool is_base64 = base64_.feed(as_text(piece), bytes);
    Status status = cut_all(as_bytes(bytes), messages);
    return status.is_ok() && !is_base64 ? no_base64() : status;
  }
  Status complete(Buffers& messages) override {
    std::string bytes;
    if (!base64_.finish(bytes)) return no_base64();
    Status status = cut_all(as_bytes(bytes), messages);
    if (!status.is_ok() || reader_.is_between()) return status;
    return {StatusCode::kInvalidArgument, "the body ends inside a message"};
  }
  void drop() override { reader_ = EnvelopeReader(max_bytes_); }

  Status cut_one(BytesView& data, Buffers& messages) {
    Result<std::optional<Envelope>> next = reader_.next(data);
    if (!next) return next.error();
    return next->has_value() ? open(*std::move(*next), messages) : Status::ok();
  }
  Status cut_all(BytesView data, Buffers& messages) {
    Status status;
    while (!data.empty() && status.is_ok()) status = cut_one(data, messages);
    return status;
  }

  Status open(Envelope envelope, Buffers& messages) {
    if ((envelope.flags & ~kCompressedFlag) != 0) {
      return {
          StatusCode::kInvalidArgument,
          "a message with flags " + std::to_string(envelope.flags) + "; only 0 and 1 are known"};
    }
    const bool is_packed = (envelope.flags & kCompressedFlag) != 0;
    if (is_packed && compression_ == Compression::kNone) {
      return {StatusCode::kInternal, "a compressed message, and no field that says how"};
    }
    Result<Buffer> message = unpack(std::move(envelope.message),
                                    is_packed ? compression_ : Compression::kNone, max_bytes_);
    if (!message) return message.error();
    messages.push_back(*std::move(message));
    return Status::ok();
  }

  static Status no_base64() {
    return {StatusCode::kInvalidArgument, "a body of gRPC-Web's text that is no base64"};
  }

  bool is_text_;
  Compression compression_;
  std::size_t max_bytes_;
  Base64Reader base64_;
  EnvelopeReader reader_;
};

}  // namespace

std::unique_ptr<RequestBody> make_request_body(const RequestHead& head, const GatewayRules& rules) {
  if (head.protocol == Protocol::kConnectGet) return std::make_unique<EmptyBody>();
  if (is_unary(head.protocol)) {
    return std::make_unique<UnaryBody>(head.compression, rules.max_message_bytes);
  }
  return std::make_unique<EnvelopedBody>(head.protocol, head.compression, rules.max_message_bytes);
}

}  // namespace echostream::gateway
