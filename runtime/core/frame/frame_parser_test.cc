#include "runtime/core/frame/frame_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/core_fakes.h"

namespace echostream::core {
namespace {

using testing::frame_bytes;

// Takes types below 0x30 up to 100 bytes; type 0x2f is refused by on_frame().
class Sink final : public FrameSink {
 public:
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override {
    if (type >= 0x30) return std::nullopt;
    return 100;
  }
  Status on_oversized(Status error) override {
    ++oversized;
    return skips_oversized ? Status::ok() : error;
  }
  Status on_frame(std::uint64_t type, Buffer payload) override {
    if (type == 0x2f) return {StatusCode::kInternal, "no such frame"};
    frames.emplace_back(type, std::string(payload.text()));
    return Status::ok();
  }
  bool wants_frame() override { return frames.size() < most; }

  std::vector<std::pair<std::uint64_t, std::string>> frames;
  std::size_t most = SIZE_MAX;
  int oversized = 0;
  bool skips_oversized = false;
};

using Frames = std::vector<std::pair<std::uint64_t, std::string>>;

Status feed(FrameParser& parser, Sink& sink, std::string_view bytes) {
  std::size_t taken = 0;
  Status status = parser.feed(as_bytes(bytes), sink, taken);
  if (status.is_ok() && sink.most == SIZE_MAX) {
    EXPECT_EQ(taken, bytes.size());
  }
  return status;
}

TEST(FrameParser, ReadsTheSameFramesHoweverTheBytesAreCut) {
  const std::string bytes = frame_bytes(1, "one") + frame_bytes(2, "") +
                            frame_bytes(0x40, std::string(300, 'x')) +
                            frame_bytes(3, std::string(100, 'y')) + frame_bytes(4, "z");
  const Frames expected = {{1, "one"}, {2, ""}, {3, std::string(100, 'y')}, {4, "z"}};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Sink sink;
    FrameParser parser;
    EXPECT_TRUE(feed(parser, sink, std::string_view(bytes).substr(0, cut)).is_ok());
    EXPECT_TRUE(feed(parser, sink, std::string_view(bytes).substr(cut)).is_ok());
    EXPECT_EQ(sink.frames, expected) << cut;
    EXPECT_TRUE(parser.at_boundary());
    EXPECT_EQ(parser.held_bytes(), 0u);
  }
  Sink sink;
  FrameParser parser;
  for (const char byte : bytes) EXPECT_TRUE(feed(parser, sink, {&byte, 1}).is_ok());
  EXPECT_EQ(sink.frames, expected);
}

TEST(FrameParser, PayloadsThatAreWholeInABufferAreNotCopied) {
  class KeepingSink final : public FrameSink {
   public:
    std::optional<std::uint64_t> payload_limit(std::uint64_t) override { return 100; }
    Status on_frame(std::uint64_t, Buffer payload) override {
      payloads.push_back(std::move(payload));
      return Status::ok();
    }
    std::vector<Buffer> payloads;
  };
  const Buffer all = Buffer::copy(frame_bytes(1, "one") + frame_bytes(2, "") +
                                  frame_bytes(3, "cut in two") + frame_bytes(4, "four"));
  KeepingSink sink;
  FrameParser parser;
  std::size_t taken = 0;
  EXPECT_TRUE(parser.feed(all.slice(0, 11), sink, taken).is_ok());
  EXPECT_TRUE(parser.feed(all.slice(11), sink, taken).is_ok());
  ASSERT_EQ(sink.payloads.size(), 4u);
  EXPECT_EQ(sink.payloads[0].data(), all.data() + 2);
  EXPECT_TRUE(sink.payloads[1].empty());
  EXPECT_EQ(sink.payloads[2].text(), "cut in two");
  EXPECT_EQ(sink.payloads[3].data(), all.data() + all.size() - 4);
  // Bytes that are nobody's are copied again.
  EXPECT_TRUE(parser.feed(BytesView(all).first(5), sink, taken).is_ok());
  EXPECT_EQ(sink.payloads[4].text(), "one");
  EXPECT_NE(sink.payloads[4].data(), all.data() + 2);
}

TEST(FrameParser, IsAtABoundaryOnlyBetweenFrames) {
  const std::string bytes = frame_bytes(0x4000, "abc");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Sink sink;
    FrameParser parser;
    EXPECT_TRUE(feed(parser, sink, std::string_view(bytes).substr(0, cut)).is_ok());
    EXPECT_EQ(parser.at_boundary(), cut == 0 || cut == bytes.size()) << cut;
  }
}

TEST(FrameParser, TakesAFrameAtItsLimitAndRefusesOneByteMoreBeforeAnyOfIt) {
  Sink sink;
  FrameParser parser;
  EXPECT_TRUE(feed(parser, sink, frame_bytes(1, std::string(100, 'a'))).is_ok());
  const Status status = feed(parser, sink, std::string("\x01\x40\x65", 3));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "a frame of type 1 with 101 bytes is over the limit of 100");
  EXPECT_EQ(parser.held_bytes(), 0u);
}

TEST(FrameParser, SkipsAnOversizedFrameWhenTheSinkSaysSo) {
  Sink sink;
  sink.skips_oversized = true;
  FrameParser parser;
  EXPECT_TRUE(
      feed(parser, sink, frame_bytes(1, std::string(5000, 'a')) + frame_bytes(2, "b")).is_ok());
  EXPECT_EQ(sink.frames, (Frames{{2, "b"}}));
  EXPECT_EQ(sink.oversized, 1);
}

TEST(FrameParser, HoldsWhatHasArrivedAndNotWhatWasAnnounced) {
  class Greedy final : public FrameSink {
   public:
    std::optional<std::uint64_t> payload_limit(std::uint64_t) override { return UINT64_MAX; }
    Status on_frame(std::uint64_t, Buffer) override { return Status::ok(); }
  };
  Greedy sink;
  FrameParser parser;
  std::size_t taken = 0;
  EXPECT_TRUE(parser
                  .feed(as_bytes("\x01\xff\xff\xff\xff\xff\xff\xff\xff"
                                 "abc"),
                        sink, taken)
                  .is_ok());
  EXPECT_EQ(taken, 12u);
  EXPECT_EQ(parser.held_bytes(), 3u);
}

TEST(FrameParser, SkipsUnknownTypesOfAnyLengthWithoutHoldingThem) {
  Sink sink;
  FrameParser parser;
  EXPECT_TRUE(feed(parser, sink,
                   frame_bytes(reserved_number(12345), std::string(70000, 'g')).substr(0, 60000))
                  .is_ok());
  EXPECT_EQ(parser.held_bytes(), 0u);
  EXPECT_FALSE(parser.at_boundary());
}

TEST(FrameParser, StopsBetweenFramesWhileTheSinkWantsNoMore) {
  const std::string bytes = frame_bytes(1, "a") + frame_bytes(2, "b") + frame_bytes(3, "c");
  Sink sink;
  sink.most = 1;
  FrameParser parser;
  std::size_t taken = 0;
  EXPECT_TRUE(parser.feed(as_bytes(bytes), sink, taken).is_ok());
  EXPECT_EQ(taken, 3u);
  EXPECT_TRUE(parser.at_boundary());
  sink.most = 2;
  const std::string rest = bytes.substr(taken);
  EXPECT_TRUE(parser.feed(as_bytes(rest), sink, taken).is_ok());
  EXPECT_EQ(taken, 3u);
  EXPECT_EQ(sink.frames, (Frames{{1, "a"}, {2, "b"}}));
}

TEST(FrameParser, AnErrorOfTheSinkEndsTheParsing) {
  Sink sink;
  FrameParser parser;
  std::size_t taken = 0;
  const std::string bytes = frame_bytes(1, "a") + frame_bytes(0x2f, "b") + frame_bytes(3, "c");
  EXPECT_EQ(parser.feed(as_bytes(bytes), sink, taken).message(), "no such frame");
  EXPECT_EQ(sink.frames, (Frames{{1, "a"}}));
}

}  // namespace
}  // namespace echostream::core
