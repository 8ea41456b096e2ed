#include "runtime/plugins/recorder/mcap/compression.h"

#include <lz4frame.h>
#include <zstd.h>

#include <memory>

namespace echostream::mcap {
namespace {

// What zstd calls fast: half a gigabyte a second and more, and still small.
constexpr int kZstdLevel = 1;

MutableBytes resize(std::string& out, std::size_t size) {
  out.resize(size);
  return {reinterpret_cast<std::uint8_t*>(out.data()), size};
}

Status damaged(std::string_view format, std::string_view reason) {
  return {StatusCode::kDataLoss, std::string(format) + ": " + std::string(reason)};
}

Status decompress_zstd(BytesView bytes, MutableBytes out) {
  const std::size_t made = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(made) != 0) return damaged("zstd", ZSTD_getErrorName(made));
  if (made != out.size()) return damaged("zstd", "fewer bytes than the chunk should have");
  return Status::ok();
}

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

Status decompress_lz4(BytesView bytes, MutableBytes out) {
  LZ4F_dctx* made = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) != 0) {
    return {StatusCode::kResourceExhausted, "lz4: no memory"};
  }
  const std::unique_ptr<LZ4F_dctx, FreeLz4> context(made);
  for (;;) {
    std::size_t written = out.size();
    std::size_t read = bytes.size();
    const std::size_t wanted =
        LZ4F_decompress(context.get(), out.data(), &written, bytes.data(), &read, nullptr);
    if (LZ4F_isError(wanted) != 0) return damaged("lz4", LZ4F_getErrorName(wanted));
    out = out.subspan(written);
    bytes = bytes.subspan(read);
    if (wanted == 0) break;
    if (read == 0 && written == 0) return damaged("lz4", "its end is missing, or is too far");
  }
  if (!out.empty()) return damaged("lz4", "fewer bytes than the chunk should have");
  return Status::ok();
}

}  // namespace

std::string_view compression_name(RecordingCompression compression) {
  switch (compression) {
    case RecordingCompression::kNone:
      return "";
    case RecordingCompression::kLz4:
      return "lz4";
    case RecordingCompression::kZstd:
      return "zstd";
  }
  return "";
}

Compressor::Compressor(RecordingCompression compression) : compression_(compression) {
  if (compression == RecordingCompression::kZstd) context_ = ZSTD_createCCtx();
}

Compressor::~Compressor() { ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context_)); }

Result<BytesView> Compressor::compress(BytesView bytes) {
  if (compression_ == RecordingCompression::kNone) return bytes;
  const bool is_zstd = compression_ == RecordingCompression::kZstd;
  if (is_zstd && context_ == nullptr) return Status(StatusCode::kResourceExhausted, "no memory");
  const MutableBytes out = resize(out_, is_zstd ? ZSTD_compressBound(bytes.size())
                                                : LZ4F_compressFrameBound(bytes.size(), nullptr));
  const std::size_t made =
      is_zstd ? ZSTD_compressCCtx(static_cast<ZSTD_CCtx*>(context_), out.data(), out.size(),
                                  bytes.data(), bytes.size(), kZstdLevel)
              : LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), nullptr);
  if (is_zstd ? ZSTD_isError(made) != 0 : LZ4F_isError(made) != 0) {
    return Status(StatusCode::kInternal,
                  is_zstd ? ZSTD_getErrorName(made) : LZ4F_getErrorName(made));
  }
  return BytesView(out.first(made));
}

Status decompress(std::string_view name, BytesView bytes, std::size_t size, std::string& out) {
  if (name.empty()) {
    if (bytes.size() != size) return damaged("chunk", "its length is not what it says");
    out.assign(as_text(bytes));
    return Status::ok();
  }
  if (name == "zstd") return decompress_zstd(bytes, resize(out, size));
  if (name == "lz4") return decompress_lz4(bytes, resize(out, size));
  return {StatusCode::kUnimplemented,
          "chunks are compressed with something that is none of zstd and lz4"};
}

}  // namespace echostream::mcap
