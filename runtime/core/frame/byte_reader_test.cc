#include "runtime/core/frame/byte_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "runtime/core/frame/byte_writer.h"

namespace echostream::core {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(ByteReader, ReadsTheExamplesOfRfc9000A1) {
  const Bytes bytes = {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c, 0x9d,
                       0x7f, 0x3e, 0x7d, 0x7b, 0xbd, 0x25, 0x40, 0x25};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_varint(), 151288809941952652u);
  EXPECT_EQ(reader.read_varint(), 494878333u);
  EXPECT_EQ(reader.read_varint(), 15293u);
  EXPECT_EQ(reader.read_varint(), 37u);
  EXPECT_EQ(reader.read_varint(), 37u) << "two bytes where one would do";
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.rest().empty());
}

TEST(ByteReader, FailsOnAVarintThatIsCutAnywhere) {
  const Bytes whole = {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ByteReader reader(BytesView(whole).first(size));
    EXPECT_EQ(reader.read_varint(), 0u);
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(ByteReader, KeepsFailingAfterTheFirstFailure) {
  const Bytes bytes = {0x05, 'a', 'b'};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_text(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.read_varint(), 0u);
  EXPECT_TRUE(reader.read_bytes(0).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, RefusesALengthThatLies) {
  // 2^62 - 1 bytes announced, two there.
  const Bytes bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2};
  ByteReader reader(bytes);
  EXPECT_TRUE(reader.read_prefixed().empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, ReadsAnEmptyText) {
  const Bytes bytes = {0x00};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_text(), "");
  EXPECT_TRUE(reader.ok());
}

TEST(ByteWriter, WritesEachVarintInAsFewBytesAsPossible) {
  const std::array<std::pair<std::uint64_t, std::size_t>, 8> cases = {{{0, 1},
                                                                       {63, 1},
                                                                       {64, 2},
                                                                       {16383, 2},
                                                                       {16384, 4},
                                                                       {1073741823, 4},
                                                                       {1073741824, 8},
                                                                       {kMaxVarint, 8}}};
  for (const auto& [value, size] : cases) {
    ByteWriter writer;
    writer.write_varint(value);
    EXPECT_EQ(writer.size(), size) << value;
    EXPECT_EQ(varint_size(value), size);
    EXPECT_EQ(varint_size_from_first(writer.bytes()[0]), size);
    ByteReader reader(writer.bytes());
    EXPECT_EQ(reader.read_varint(), value);
    EXPECT_TRUE(reader.ok() && reader.rest().empty());
  }
}

TEST(ByteWriter, PutsTheLengthBeforeTexts) {
  ByteWriter writer;
  writer.write_text("hi");
  writer.write_prefixed({});
  EXPECT_TRUE(equal_bytes(writer.bytes(), Bytes{2, 'h', 'i', 0}));
  EXPECT_TRUE(equal_bytes(writer.to_buffer(), writer.bytes()));
}

}  // namespace
}  // namespace echostream::core
