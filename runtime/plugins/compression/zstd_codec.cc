#include <zstd.h>

#include <algorithm>
#include <string>

#include "runtime/plugins/compression/codec.h"
#include "runtime/plugins/compression/zstd_frame.h"

namespace echostream::compression {
namespace {

// What every decoder should take (RFC 8878 3.1.1.1.2). Ours decodes into the whole message and
// keeps no window; others may.
constexpr std::uint64_t kMostWindowBytes = 8 * 1024 * 1024;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

// The library also decodes frames one after the other, skippable ones, and those of its versions
// before the RFC, by code that few people look at. None of these gets there.
Status check_frame(BytesView bytes, std::size_t content_bytes) {
  auto header = parse_zstd_frame_header(bytes);
  if (!header) return header.error();
  if (header->window_bytes > kMostWindowBytes) {
    return {StatusCode::kInvalidArgument,
            "a zstd frame with a window of " + std::to_string(header->window_bytes) +
                " bytes; at most " + std::to_string(kMostWindowBytes) + " are allowed"};
  }
  if (header->content_bytes && *header->content_bytes != content_bytes) {
    return {StatusCode::kInvalidArgument,
            "a zstd frame of " + std::to_string(*header->content_bytes) +
                " bytes in a message of " + std::to_string(content_bytes)};
  }
  const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(frame_bytes)) {
    return {StatusCode::kInvalidArgument,
            std::string("a broken zstd frame: ") + ZSTD_getErrorName(frame_bytes)};
  }
  if (frame_bytes != bytes.size()) {
    return {StatusCode::kInvalidArgument, "bytes behind the zstd frame of a message"};
  }
  return Status::ok();
}

class ZstdCodec final : public Codec {
 public:
  explicit ZstdCodec(int level) : level_(level) {}

  std::string_view name() const noexcept override { return "zstd"; }
  std::uint8_t form() const noexcept override { return 1; }

  std::size_t compress(BytesView bytes, MutableBytes out) override {
    if (compressor_ == nullptr) {
      compressor_.reset(ZSTD_createCCtx());
      if (compressor_ == nullptr) return 0;
      ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, level_);
      // The message says its size already.
      ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_contentSizeFlag, 0);
    }
    const std::size_t size =
        ZSTD_compress2(compressor_.get(), out.data(), out.size(), bytes.data(), bytes.size());
    return ZSTD_isError(size) ? 0 : size;
  }

  Status decompress(BytesView bytes, MutableBytes out) override {
    if (Status status = check_frame(bytes, out.size()); !status.is_ok()) return status;
    if (decompressor_ == nullptr) decompressor_.reset(ZSTD_createDCtx());
    if (decompressor_ == nullptr) {
      return {StatusCode::kResourceExhausted, "no memory to decompress a message"};
    }
    const std::size_t size = ZSTD_decompressDCtx(decompressor_.get(), out.data(), out.size(),
                                                 bytes.data(), bytes.size());
    if (ZSTD_isError(size)) {
      return {StatusCode::kInvalidArgument,
              std::string("a broken zstd frame: ") + ZSTD_getErrorName(size)};
    }
    if (size == out.size()) return Status::ok();
    return {StatusCode::kInvalidArgument, "a zstd frame that holds less than its message says"};
  }

 private:
  int level_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> compressor_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> decompressor_;
};

}  // namespace

std::unique_ptr<Codec> make_zstd_codec(int level) { return std::make_unique<ZstdCodec>(level); }

}  // namespace echostream::compression
