#include "runtime/plugins/compression/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "runtime/plugins/compression/codec_set.h"
#include "runtime/plugins/compression/zstd_frame.h"

namespace echostream::compression {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes readings(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) {
    text += "joint_" + std::to_string(i % 7) + ": " + std::to_string(i * 37 % 1000) + "\n";
  }
  text.resize(size);
  return Bytes(text.begin(), text.end());
}

Bytes noise(std::size_t size) {
  std::mt19937_64 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  Bytes bytes(size);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return bytes;
}

Bytes compressed(Codec& codec, const Bytes& bytes) {
  Bytes out(bytes.size() + 1024);
  out.resize(codec.compress(bytes, out));
  return out;
}

class CodecTest : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Codec> codec =
      std::string(GetParam()) == "zstd" ? make_zstd_codec(1) : make_deflate_codec(1);
  Status decompress(const Bytes& bytes, std::size_t size) {
    out.assign(size, 0xee);
    return codec->decompress(bytes, out);
  }
  Bytes out;
};
INSTANTIATE_TEST_SUITE_P(Both, CodecTest, testing::Values("zstd", "deflate"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(CodecTest, GivesBackWhatWentIn) {
  for (const std::size_t size : {1, 100, 4096, 70'000, 1'000'000}) {
    for (const Bytes& bytes : {readings(size), noise(size), Bytes(size, 0)}) {
      const Bytes small = compressed(*codec, bytes);
      ASSERT_FALSE(small.empty());
      ASSERT_TRUE(decompress(small, size).is_ok()) << size;
      EXPECT_EQ(out, bytes);
    }
  }
}

TEST_P(CodecTest, SaysWhenTheResultDoesNotFit) {
  const Bytes bytes = noise(5000);
  Bytes room(4500);
  EXPECT_EQ(codec->compress(bytes, room), 0U);
  EXPECT_EQ(codec->compress(bytes, {}), 0U);
  // It goes on working.
  EXPECT_FALSE(compressed(*codec, bytes).empty());
}

TEST_P(CodecTest, R05_RefusesWhatWasCutAtAnyByte) {
  const Bytes bytes = readings(3000);
  const Bytes small = compressed(*codec, bytes);
  for (std::size_t length = 0; length < small.size(); ++length) {
    const Status status = decompress(Bytes(small.begin(), small.begin() + length), bytes.size());
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << length;
  }
  EXPECT_TRUE(decompress(small, bytes.size()).is_ok());
}

TEST_P(CodecTest, R05_RefusesConcatenatedMembersAndBytesBehind) {
  const Bytes bytes = readings(3000);
  Bytes twice = compressed(*codec, bytes);
  const Bytes once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(decompress(twice, 2 * bytes.size()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(decompress(twice, bytes.size()).code(), StatusCode::kInvalidArgument);
  Bytes longer = once;
  longer.push_back(0);
  EXPECT_EQ(decompress(longer, bytes.size()).code(), StatusCode::kInvalidArgument);
}

TEST_P(CodecTest, R05_NeverWritesMoreThanThereIsRoomFor) {
  const Bytes small = compressed(*codec, Bytes(1'000'000, 0));
  for (const std::size_t size : {1, 999, 999'999, 1'000'001}) {
    EXPECT_EQ(decompress(small, size).code(), StatusCode::kInvalidArgument) << size;
  }
  EXPECT_TRUE(decompress(small, 1'000'000).is_ok());
}

TEST_P(CodecTest, SurvivesAnyOneByteChanged) {
  const Bytes bytes = readings(1000);
  const Bytes small = compressed(*codec, bytes);
  for (std::size_t i = 0; i < small.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      Bytes changed = small;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ change);
      (void)decompress(changed, bytes.size());
    }
  }
  EXPECT_TRUE(decompress(small, bytes.size()).is_ok()) << "it goes on working";
}

TEST_P(CodecTest, RefusesTheOtherOnesFormat) {
  auto other = std::string(GetParam()) == "zstd" ? make_deflate_codec(1) : make_zstd_codec(1);
  const Bytes bytes = readings(1000);
  EXPECT_EQ(decompress(compressed(*other, bytes), bytes.size()).code(),
            StatusCode::kInvalidArgument);
}

Status zstd_status(std::initializer_list<std::uint8_t> bytes, std::size_t size = 8) {
  Bytes out(size);
  return make_zstd_codec(1)->decompress(Bytes(bytes), out);
}

TEST(ZstdCodec, R05_RefusesLargeWindows) {
  // Frame_Header_Descriptor 0, Window_Descriptor 0x70 (16 MiB), one empty last block.
  const Status status = zstd_status({0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 0x01, 0x00, 0x00});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("window of 16777216"), std::string::npos) << status;
}

TEST(ZstdCodec, R05_RefusesDictionariesSkippableFramesAndOldVersions) {
  EXPECT_NE(zstd_status({0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x50, 0x07, 0x01, 0x00, 0x00})
                .message()
                .find("dictionary"),
            std::string::npos);
  EXPECT_EQ(zstd_status({0x50, 0x2a, 0x4d, 0x18, 0x00, 0x00, 0x00, 0x00}).code(),
            StatusCode::kInvalidArgument);
  for (const std::uint8_t version : {0x22, 0x23, 0x24, 0x25, 0x26, 0x27}) {
    EXPECT_NE(zstd_status({version, 0xb5, 0x2f, 0xfd, 0x00, 0x50, 0x01, 0x00, 0x00})
                  .message()
                  .find("magic"),
              std::string::npos);
  }
}

TEST(ZstdFrame, ReadsEverySizeOfTheContentSize) {
  const auto content = [](std::initializer_list<std::uint8_t> rest) {
    Bytes bytes{0x28, 0xb5, 0x2f, 0xfd};
    bytes.insert(bytes.end(), rest);
    return parse_zstd_frame_header(bytes);
  };
  EXPECT_EQ(content({0x20, 0x09})->content_bytes, 9U);
  EXPECT_EQ(content({0x60, 0x01, 0x01})->content_bytes, 513U);
  EXPECT_EQ(content({0xa0, 0x01, 0x00, 0x01, 0x00})->content_bytes, 65537U);
  EXPECT_EQ(content({0xe0, 1, 0, 0, 0, 1, 0, 0, 0})->content_bytes, 0x100000001U);
  EXPECT_EQ(content({0x20, 0x09})->window_bytes, 0U);
  EXPECT_EQ(content({0x00, 0x00})->window_bytes, 1024U);
  EXPECT_EQ(content({0x00, 0x0b})->window_bytes, 2048U + 3 * 256U);
  EXPECT_FALSE(content({0x00, 0x00})->content_bytes);
  EXPECT_FALSE(content({0xe0, 1, 0, 0, 0, 1, 0, 0})) << "cut";
  EXPECT_FALSE(content({0x08, 0x00})) << "the reserved bit";
}

TEST(CodecSet, ChoosesOursThatComesFirst) {
  CompressionOptions options;
  options.encodings = {Encoding::kDeflate, Encoding::kZstd};
  const CodecSet set(options);
  EXPECT_EQ(set.list(), "deflate,zstd");
  EXPECT_EQ(set.choose("br, zstd , deflate"), set.find("deflate"));
  EXPECT_EQ(set.choose("zstd"), set.find("zstd"));
  for (const char* none : {"", ",", " , ", "ZSTD", "zstdx", "br,gzip", "zstd;q=1"}) {
    EXPECT_EQ(set.choose(none), nullptr) << none;
  }
  EXPECT_EQ(set.find("br"), nullptr);
  for (const char* name : {"zstd", "deflate"}) {
    EXPECT_EQ(set.find_form(set.find(name)->form()), set.find(name));
  }
  EXPECT_NE(set.find_form(0), nullptr);
  EXPECT_EQ(set.find_form(3), nullptr);
}

}  // namespace
}  // namespace echostream::compression
