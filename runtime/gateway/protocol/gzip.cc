#include "runtime/gateway/protocol/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "runtime/base/buffer_builder.h"

namespace echostream::gateway {
namespace {

// zlib: 15 bits of window, and 16 for "gzip's header and trailer, nothing else".
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

bool fits_zlib(std::size_t bytes) { return bytes <= std::numeric_limits<uInt>::max(); }

class Inflater {
 public:
  Inflater() { is_ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (is_ready_) inflateEnd(&stream_);
  }
  bool is_ready() const { return is_ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool is_ready_ = false;
};

Status broken_gzip() {
  return {StatusCode::kInvalidArgument, "a message that is no gzip, or is cut off"};
}

// Unpacks all members; what comes out goes through a block of the stack, so that memory grows with
// what is there, and not with what could be.
Status inflate_members(z_stream& stream, std::size_t max_bytes, BufferBuilder& out) {
  std::array<std::uint8_t, 16 * 1024> block;
  while (true) {
    stream.next_out = block.data();
    stream.avail_out = static_cast<uInt>(block.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t count = block.size() - stream.avail_out;
    if (count > max_bytes - out.size()) {
      return {StatusCode::kResourceExhausted,
              "a message of more than " + std::to_string(max_bytes) + " bytes, unpacked"};
    }
    out.append(BytesView(block.data(), count));
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return Status::ok();
      if (inflateReset(&stream) != Z_OK) return broken_gzip();
    } else if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return broken_gzip();
    }
  }
}

}  // namespace

Result<Buffer> gunzip(BytesView packed, std::size_t max_bytes) {
  if (!fits_zlib(packed.size())) {
    return Status(StatusCode::kResourceExhausted, "a message too large for gzip");
  }
  Inflater inflater;
  if (!inflater.is_ready()) {
    return Status(StatusCode::kResourceExhausted, "no memory to unpack a message");
  }
  // zlib's interface is older than const.
  inflater.stream().next_in = const_cast<Bytef*>(packed.data());
  inflater.stream().avail_in = static_cast<uInt>(packed.size());
  BufferBuilder out;
  Status status = inflate_members(inflater.stream(), max_bytes, out);
  if (!status.is_ok()) return status;
  return out.take();
}

std::optional<Buffer> gzip(BytesView bytes) {
  if (bytes.empty() || !fits_zlib(bytes.size())) return std::nullopt;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  bool is_done = false;
  // No room for what is no gain: the stream stops there.
  const Buffer packed = Buffer::build(bytes.size() - 1, [&](MutableBytes out) {
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    is_done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  });
  const std::size_t size = packed.size() - stream.avail_out;
  deflateEnd(&stream);
  if (!is_done) return std::nullopt;
  return Buffer::copy(packed.view().first(size));
}

}  // namespace echostream::gateway
