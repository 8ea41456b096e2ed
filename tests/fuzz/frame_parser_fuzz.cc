// Any bytes, cut anywhere: the parser takes them all the same, and holds no more than has arrived.
// Input: one byte that says how to cut, then the stream.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/frame/frame_parser.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using echostream::Buffer;
using echostream::BytesView;
using echostream::Status;
using echostream::core::FrameParser;

class Sink final : public echostream::core::FrameSink {
 public:
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override {
    if (type % 3 == 2) return std::nullopt;
    return type % 3 == 0 ? 64 : 100'000;
  }
  Status on_oversized(Status error) override { return skips_oversized ? Status::ok() : error; }
  Status on_frame(std::uint64_t type, Buffer payload) override {
    FUZZ_CHECK(payload.size() <= *payload_limit(type));
    frames.emplace_back(type, std::string(payload.text()));
    return Status::ok();
  }
  std::vector<std::pair<std::uint64_t, std::string>> frames;
  bool skips_oversized = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::max<std::size_t>(data[0] & 0x7f, 1);
  const BytesView stream(data + 1, size - 1);
  Sink whole;
  Sink cut;
  whole.skips_oversized = cut.skips_oversized = (data[0] & 0x80) != 0;

  FrameParser whole_parser;
  std::size_t taken = 0;
  const Status status = whole_parser.feed(stream, whole, taken);
  FUZZ_CHECK(taken <= stream.size());
  FUZZ_CHECK(!status.is_ok() || taken == stream.size());

  FrameParser parser;
  Status cut_status;
  for (std::size_t at = 0; at < stream.size() && cut_status.is_ok(); at += piece) {
    const BytesView part = stream.subspan(at, std::min(piece, stream.size() - at));
    cut_status = parser.feed(part, cut, taken);
    FUZZ_CHECK(parser.held_bytes() <= at + part.size());
  }
  FUZZ_CHECK(cut_status == status);
  FUZZ_CHECK(cut.frames == whole.frames);
  FUZZ_CHECK(!status.is_ok() || parser.at_boundary() == whole_parser.at_boundary());
  return 0;
}
