#include <zlib.h>

#include <limits>

#include "runtime/plugins/compression/codec.h"

namespace echostream::compression {
namespace {

// zlib's interface is older than const.
Bytef* unconst(BytesView bytes) { return const_cast<Bytef*>(bytes.data()); }

bool fits(std::size_t bytes) { return bytes <= std::numeric_limits<uInt>::max(); }

class DeflateCodec final : public Codec {
 public:
  explicit DeflateCodec(int level) : level_(level) {}
  DeflateCodec(const DeflateCodec&) = delete;
  DeflateCodec& operator=(const DeflateCodec&) = delete;
  ~DeflateCodec() override {
    if (can_deflate_) deflateEnd(&deflate_);
    if (can_inflate_) inflateEnd(&inflate_);
  }

  std::string_view name() const noexcept override { return "deflate"; }
  std::uint8_t form() const noexcept override { return 2; }

  std::size_t compress(BytesView bytes, MutableBytes out) override {
    if (!fits(bytes.size()) || !fits(out.size())) return 0;
    if (!can_deflate_) can_deflate_ = deflateInit(&deflate_, level_) == Z_OK;
    if (!can_deflate_ || deflateReset(&deflate_) != Z_OK) return 0;
    point(deflate_, bytes, out);
    return deflate(&deflate_, Z_FINISH) == Z_STREAM_END ? out.size() - deflate_.avail_out : 0;
  }

  Status decompress(BytesView bytes, MutableBytes out) override {
    if (!can_inflate_) can_inflate_ = inflateInit(&inflate_) == Z_OK;
    if (!can_inflate_ || inflateReset(&inflate_) != Z_OK) {
      return {StatusCode::kResourceExhausted, "no memory to decompress a message"};
    }
    if (!fits(bytes.size()) || !fits(out.size())) {
      return {StatusCode::kResourceExhausted, "a message too large for deflate"};
    }
    point(inflate_, bytes, out);
    // The output is bounded, so a stream that holds more stops for want of room.
    const int result = inflate(&inflate_, Z_FINISH);
    if (result != Z_STREAM_END) {
      return {StatusCode::kInvalidArgument,
              std::string("a broken zlib stream: ") +
                  (inflate_.msg != nullptr ? inflate_.msg : "not what its message says")};
    }
    if (inflate_.avail_in != 0) {
      return {StatusCode::kInvalidArgument, "bytes behind the zlib stream of a message"};
    }
    if (inflate_.avail_out == 0) return Status::ok();
    return {StatusCode::kInvalidArgument, "a zlib stream that holds less than its message says"};
  }

 private:
  static void point(z_stream& stream, BytesView bytes, MutableBytes out) {
    stream.next_in = unconst(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
  }

  int level_;
  z_stream deflate_{};
  z_stream inflate_{};
  bool can_deflate_ = false;
  bool can_inflate_ = false;
};

}  // namespace

std::unique_ptr<Codec> make_deflate_codec(int level) {
  return std::make_unique<DeflateCodec>(level);
}

}  // namespace echostream::compression
