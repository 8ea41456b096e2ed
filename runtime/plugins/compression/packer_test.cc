#include "runtime/plugins/compression/packer.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::compression {
namespace {

MethodInfo method_named(std::string_view name) {
  MethodInfo method;
  method.full_name = name;
  return method;
}
const MethodInfo kScan = method_named("acme.v1.Robot/Scan");
const MethodInfo kPicture = method_named("acme.v1.Robot/Picture");
const MethodInfo kLogin = method_named("acme.v1.Door/Login");

Buffer text_of(std::size_t size, int seed = 0) {
  std::string text;
  for (int i = seed; text.size() < size; ++i) text += "range " + std::to_string(i % 997) + ", ";
  text.resize(size);
  return Buffer::copy(text);
}

Buffer noise_of(std::size_t size, std::uint32_t seed) {
  return Buffer::build(size, [seed](MutableBytes out) {
    std::uint32_t x = seed;
    for (std::uint8_t& byte : out) {
      x = x * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(x >> 24);
    }
  });
}

TEST(Packer, LeavesSmallMessagesAsTheyAre) {
  Packer packer({});
  Codec& codec = packer.codecs().first();
  EXPECT_FALSE(packer.pays(text_of(1023), codec, kScan));
  EXPECT_TRUE(packer.pays(text_of(1024), codec, kScan));
  EXPECT_EQ(packer.pack(text_of(1023), codec, kScan).size(), 1024U);
  EXPECT_EQ(packer.stats().compressed, 1U);
}

TEST(Packer, LeavesMessagesAsTheyAreThatItWouldRefuseItself) {
  CompressionOptions options;
  options.max_message_bytes = 5000;
  Packer packer(options);
  Codec& codec = packer.codecs().first();
  EXPECT_TRUE(packer.pays(text_of(5000), codec, kScan));
  EXPECT_FALSE(packer.pays(text_of(5001), codec, kScan));
}

TEST(Packer, CompressesAMessageForManySubscribersOnce) {
  Packer packer({});
  Codec& codec = packer.codecs().first();
  const Buffer event = text_of(5000);
  const Buffer first = packer.pack(event, codec, kScan);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(packer.pack(event, codec, kScan).data(), first.data());
  EXPECT_EQ(packer.stats().compressed, 1U);
  EXPECT_EQ(packer.stats().bytes_before, 5000U);
  EXPECT_EQ(packer.stats().bytes_after, first.size());
}

TEST(Packer, NeverTakesAnotherMessageAtTheSameAddressForTheLastOne) {
  Packer packer({});
  Codec& codec = packer.codecs().first();
  for (int i = 0; i < 50; ++i) {
    const Buffer message = text_of(3000, i);  // freed at the end of each round
    auto back = packer.unpack(packer.pack(message, codec, kScan), codec);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->text(), message.text()) << i;
  }
  EXPECT_EQ(packer.stats().compressed, 50U);
}

TEST(Packer, KeepsEncodingsApartInWhatItRemembers) {
  Packer packer({});
  Codec& zstd = *packer.codecs().find("zstd");
  Codec& deflate = *packer.codecs().find("deflate");
  const Buffer message = text_of(4000);
  EXPECT_EQ(packer.unpack(packer.pack(message, zstd, kScan), zstd)->text(), message.text());
  EXPECT_EQ(packer.unpack(packer.pack(message, deflate, kScan), deflate)->text(), message.text());
}

TEST(Packer, SoonHardlyTriesMethodsWhoseMessagesAreCompressedAlready) {
  Packer packer({});
  Codec& codec = packer.codecs().first();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Buffer picture = noise_of(2000, i);
    auto back = packer.unpack(packer.pack(picture, codec, kPicture), codec);
    EXPECT_TRUE(equal_bytes(*back, picture));
  }
  EXPECT_LT(packer.stats().incompressible, 25U);
  EXPECT_EQ(packer.stats().incompressible + packer.stats().not_tried, 1000U);
  // Others are not concerned, and it finds out when things change.
  EXPECT_TRUE(packer.pays(text_of(2000), codec, kScan));
  int tries = 0;
  while (!packer.pays(text_of(2000, tries), codec, kPicture)) ASSERT_LT(++tries, 66);
  EXPECT_TRUE(packer.pays(text_of(2000, 500), codec, kPicture));
}

TEST(Packer, CountsWhatItRefuses) {
  Packer packer({});
  Codec& codec = packer.codecs().first();
  EXPECT_FALSE(packer.unpack(Buffer(), codec));
  EXPECT_FALSE(packer.unpack(Buffer::copy("\x01garbage"), codec));
  EXPECT_EQ(packer.stats().refused, 2U);
  EXPECT_EQ(packer.stats().decompressed, 0U);
}

TEST(Packer, CompressesTheMethodsThatItWasToldAndNoOthers) {
  CompressionOptions options;
  options.methods = {"acme.v1.*"};
  options.except = {"acme.v1.Door/*"};
  Packer packer(options);
  EXPECT_TRUE(packer.is_compressed(kScan));
  EXPECT_FALSE(packer.is_compressed(kLogin));
  EXPECT_FALSE(packer.is_compressed(method_named("other.v1.Robot/Scan")));
}

}  // namespace
}  // namespace echostream::compression
