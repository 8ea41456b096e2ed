// Packed messages of any content: refused, or unpacked within the bounds. And any content: packed,
// it comes back. Input: one byte that chooses the codec and what is done, then the bytes.
#include <cstdint>
#include <vector>

#include "runtime/plugins/compression/packed_message.h"
#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using namespace echostream::compression;

namespace {

constexpr std::size_t kMostBytes = 256 * 1024;

void try_unpack(BytesView bytes, Codec& codec) {
  const auto message = unpack(Buffer::copy(bytes), codec, kMostBytes);
  if (!message) {
    FUZZ_CHECK(message.error().code() == StatusCode::kInvalidArgument ||
               message.error().code() == StatusCode::kResourceExhausted);
    return;
  }
  FUZZ_CHECK(!bytes.empty() && (bytes[0] == 0 || bytes[0] == codec.form()));
  if (bytes[0] == 0) {
    FUZZ_CHECK(equal_bytes(*message, bytes.subspan(1)));
    return;
  }
  FUZZ_CHECK(message->size() <= kMostBytes);
  FUZZ_CHECK(message->size() <= kFreeBytes + kMostRatio * (bytes.size() + 1));
}

void try_pack(BytesView bytes, Codec& codec) {
  static std::vector<std::uint8_t> scratch;
  Buffer packed = pack_compressed(bytes, codec, scratch);
  if (packed.empty()) {
    packed = pack_plain(bytes);
  } else {
    FUZZ_CHECK(packed.size() <= bytes.size() - bytes.size() / 8);
  }
  const auto message = unpack(packed, codec, bytes.size());
  FUZZ_CHECK(message && equal_bytes(*message, bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto zstd = make_zstd_codec(1);
  static const auto deflate = make_deflate_codec(1);
  if (size == 0) return 0;
  Codec& codec = (data[0] & 1) != 0 ? *deflate : *zstd;
  const BytesView bytes(data + 1, size - 1);
  (data[0] & 2) != 0 ? try_pack(bytes, codec) : try_unpack(bytes, codec);
  return 0;
}
