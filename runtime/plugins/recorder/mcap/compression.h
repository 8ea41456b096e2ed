// What the records of a chunk may be compressed with.
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/plugins/recorder.h"

namespace echostream::mcap {

/// As MCAP's registry of well-known formats spells it: "zstd", "lz4", "".
std::string_view compression_name(RecordingCompression compression);

/// Keeps what a compressor needs between chunks. One thread.
class Compressor {
 public:
  explicit Compressor(RecordingCompression compression);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Valid until the next call; `bytes` themselves when nothing is compressed.
  Result<BytesView> compress(BytesView bytes);

 private:
  RecordingCompression compression_;
  void* context_ = nullptr;
  std::string out_;
};

/// Exactly `size` bytes into `out`, whoever made them. DATA_LOSS when they are not that, or cannot
/// be decompressed, UNIMPLEMENTED for a format that nobody here knows.
Status decompress(std::string_view name, BytesView bytes, std::size_t size, std::string& out);

}  // namespace echostream::mcap
