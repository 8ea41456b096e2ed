#include "runtime/plugins/compression/packed_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace echostream::compression {
namespace {

using Bytes = std::vector<std::uint8_t>;

class PackedMessage : public testing::Test {
 protected:
  Result<Buffer> unpack_bytes(const Bytes& bytes, std::size_t most = 1 << 20) {
    return unpack(Buffer::copy(BytesView(bytes)), *codec, most);
  }
  StatusCode code_of(const Bytes& bytes, std::size_t most = 1 << 20) {
    auto message = unpack_bytes(bytes, most);
    return message ? StatusCode::kOk : message.error().code();
  }
  // Form 1 around what the codec makes of `content`, with another size if that is asked for.
  Bytes compressed(const Bytes& content, std::size_t size) {
    Bytes data(content.size() + 1024);
    data.resize(codec->compress(content, data));
    Bytes packed(5 + data.size(), codec->form());
    packed[1] = static_cast<std::uint8_t>(0x80 | size >> 24);
    packed[2] = static_cast<std::uint8_t>(size >> 16);
    packed[3] = static_cast<std::uint8_t>(size >> 8);
    packed[4] = static_cast<std::uint8_t>(size);
    std::copy(data.begin(), data.end(), packed.begin() + 5);
    return packed;
  }
  std::unique_ptr<Codec> codec = make_zstd_codec(1);
  std::vector<std::uint8_t> scratch;
};

TEST_F(PackedMessage, GivesBackWhatWasPackedInBothForms) {
  for (const std::size_t size : {0, 1, 5, 1024, 100'000}) {
    std::string text;
    while (text.size() < size) text += "reading " + std::to_string(text.size() % 977) + "\n";
    text.resize(size);
    const Buffer plain = pack_plain(as_bytes(text));
    EXPECT_EQ(plain.size(), size + 1);
    EXPECT_EQ(unpack(plain, *codec, 1 << 20)->text(), text);
    if (size < 1024) continue;
    const Buffer packed = pack_compressed(as_bytes(text), *codec, scratch);
    ASSERT_FALSE(packed.empty());
    EXPECT_LT(packed.size(), size / 2);
    EXPECT_EQ(unpack(packed, *codec, 1 << 20)->text(), text);
  }
}

TEST_F(PackedMessage, SharesTheStorageOfAMessageThatGoesAsItIs) {
  const Buffer packed = pack_plain(as_bytes("as it is"));
  auto message = unpack(packed, *codec, 100);
  EXPECT_EQ(message->data(), packed.data() + 1);
}

TEST_F(PackedMessage, IsNotCompressedWhereThatSavesLessThanAnEighth) {
  std::string text;
  for (std::uint32_t i = 0, x = 1; i < 5000; ++i) {
    x = x * 1664525 + 1013904223;
    text += static_cast<char>(x >> 24);
  }
  EXPECT_TRUE(pack_compressed(as_bytes(text), *codec, scratch).empty());
  EXPECT_TRUE(pack_compressed({}, *codec, scratch).empty());
  EXPECT_TRUE(pack_compressed(as_bytes("a"), *codec, scratch).empty());
}

TEST_F(PackedMessage, NeverLooksLikeAMessageOfAPeerWithoutCompression) {
  // A tag of protobuf with field number 0 is malformed: such a peer refuses it, whatever follows.
  EXPECT_TRUE(looks_packed(pack_plain(as_bytes("x"))));
  EXPECT_TRUE(looks_packed(compressed(Bytes(100, 1), 100)));
  codec = make_deflate_codec(1);
  EXPECT_TRUE(looks_packed(compressed(Bytes(100, 1), 100)));
  for (int field = 1; field < 16; ++field) {
    for (int wire_type = 0; wire_type < 6; ++wire_type) {
      EXPECT_FALSE(looks_packed(Bytes{static_cast<std::uint8_t>(field << 3 | wire_type)}));
    }
  }
  EXPECT_FALSE(looks_packed({}));
}

TEST_F(PackedMessage, RefusesUnknownFormsAndNoFormAtAll) {
  EXPECT_EQ(code_of({}), StatusCode::kInvalidArgument);
  for (int form = 2; form < 256; ++form) {
    EXPECT_EQ(code_of({static_cast<std::uint8_t>(form), 1, 2}), StatusCode::kInvalidArgument);
  }
}

TEST_F(PackedMessage, RefusesSizesThatAreCutOrZero) {
  EXPECT_EQ(code_of({1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({1, 0x80, 0, 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({1, 0xff, 0, 0, 0, 0, 0, 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({1, 0x00}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(compressed(Bytes(100, 1), 0)), StatusCode::kInvalidArgument);
}

TEST_F(PackedMessage, R05_RefusesABombBeforeItAllocatesAnything) {
  // 2^62 - 1 bytes: no machine could hold them, so a test that passes did not try.
  EXPECT_EQ(code_of({1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x28, 0xb5, 0x2f, 0xfd}),
            StatusCode::kResourceExhausted);
  const Bytes zeros(10 << 20, 0);
  const Bytes bomb = compressed(zeros, zeros.size());
  EXPECT_LT(bomb.size(), 2000U);
  EXPECT_EQ(code_of(bomb, 1 << 20), StatusCode::kResourceExhausted) << "too large";
  EXPECT_EQ(code_of(bomb, 1 << 30), StatusCode::kResourceExhausted) << "too good to be true";
  // It lies about its size.
  EXPECT_EQ(code_of(compressed(zeros, 1000)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(compressed(Bytes(1000, 0), 1001)), StatusCode::kInvalidArgument);
}

TEST_F(PackedMessage, R05_SendsWhatTheReceiverWouldTakeForABombAsItIs) {
  EXPECT_TRUE(pack_compressed(Bytes(1 << 20, 0), *codec, scratch).empty());
  // Below the free bytes any ratio is fine.
  const Bytes zeros(kFreeBytes, 0);
  const Buffer packed = pack_compressed(zeros, *codec, scratch);
  ASSERT_FALSE(packed.empty());
  EXPECT_TRUE(equal_bytes(*unpack(packed, *codec, 1 << 20), zeros));
}

TEST_F(PackedMessage, TakesExactlyTheMostBytes) {
  const Bytes content(5000, 7);
  EXPECT_EQ(code_of(compressed(content, 5000), 5000), StatusCode::kOk);
  EXPECT_EQ(code_of(compressed(content, 5000), 4999), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::compression
