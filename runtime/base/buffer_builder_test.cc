#include "runtime/base/buffer_builder.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream {
namespace {

TEST(BufferBuilderTest, GivesWhatWasAppendedHoweverItGrew) {
  BufferBuilder builder;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 17), static_cast<char>('a' + i % 26));
    builder.append(as_bytes(piece));
    expected += piece;
    ASSERT_EQ(builder.size(), expected.size());
  }
  EXPECT_EQ(builder.take().text(), expected);
  EXPECT_TRUE(builder.empty());
}

TEST(BufferBuilderTest, DoesNotMoveWhileTheReservedRoomLasts) {
  BufferBuilder builder;
  builder.reserve(1000);
  builder.append(as_bytes("first"));
  builder.reserve(10);
  EXPECT_EQ(builder.capacity(), 1000U);
  const Buffer whole = [&] {
    builder.append(as_bytes(std::string(995, 'x')));
    EXPECT_EQ(builder.capacity(), 1000U);
    return builder.take();
  }();
  EXPECT_EQ(whole.size(), 1000U);
  EXPECT_EQ(whole.text().substr(0, 6), "firstx");
}

TEST(BufferBuilderTest, StartsAnewAfterTake) {
  BufferBuilder builder;
  builder.append(as_bytes("one"));
  const Buffer one = builder.take();
  builder.append(as_bytes("two"));
  EXPECT_EQ(builder.take().text(), "two");
  EXPECT_EQ(one.text(), "one");
  EXPECT_TRUE(builder.take().empty());
}

}  // namespace
}  // namespace echostream
