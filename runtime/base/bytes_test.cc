#include "echostream/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace echostream {
namespace {

TEST(Buffer, IsEmptyAtFirstAndAllocatesNothingForNothing) {
  const Buffer none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(Buffer::copy(BytesView()).data(), nullptr);
  EXPECT_TRUE(none.slice(5).empty());
}

TEST(Buffer, CopiesAndSlicesShareTheBytes) {
  const Buffer whole = Buffer::copy("hello world");
  const Buffer copy = whole;
  const Buffer word = whole.slice(6);
  EXPECT_EQ(copy.data(), whole.data());
  EXPECT_EQ(word.data(), whole.data() + 6);
  EXPECT_EQ(word.text(), "world");
}

TEST(Buffer, SlicesAreClippedToTheEnd) {
  const Buffer whole = Buffer::copy("hello");
  EXPECT_EQ(whole.slice(1, 3).text(), "ell");
  EXPECT_EQ(whole.slice(3, 100).text(), "lo");
  EXPECT_EQ(whole.slice(5).text(), "");
  EXPECT_EQ(whole.slice(SIZE_MAX, SIZE_MAX).text(), "");
  EXPECT_EQ(whole.slice(0, 0).text(), "");
  Buffer rest = whole;
  rest.remove_prefix(2);
  EXPECT_EQ(rest.text(), "llo");
  rest.remove_prefix(99);
  EXPECT_TRUE(rest.empty());
}

TEST(Buffer, ASliceOutlivesTheBufferItCameFrom) {
  Buffer slice;
  {
    const Buffer whole = Buffer::copy(std::string(1000, 'x') + "end");
    slice = whole.slice(1000);
  }
  EXPECT_EQ(slice.text(), "end");
}

TEST(Buffer, MovingLeavesAnEmptyBuffer) {
  Buffer from = Buffer::copy("text");
  Buffer to = std::move(from);
  EXPECT_EQ(to.text(), "text");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
  to = to.slice(1);
  EXPECT_EQ(to.text(), "ext");
  to = Buffer();
  EXPECT_TRUE(to.empty());
}

TEST(Buffer, IsFilledInPlace) {
  const Buffer buffer = Buffer::build(4, [](MutableBytes out) {
    std::generate(out.begin(), out.end(), [next = 'a']() mutable { return next++; });
  });
  EXPECT_EQ(buffer.text(), "abcd");
}

TEST(Buffer, SlicesMayBeDroppedOnAnyThread) {
  Buffer whole = Buffer::copy(std::string(100, 'x'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([slice = whole.slice(10)] {
      for (int round = 0; round < 10'000; ++round) {
        const Buffer copy = slice;
        EXPECT_EQ(copy.size(), 90u);
      }
    });
  }
  whole = Buffer();
  for (std::thread& thread : threads) thread.join();
}

TEST(EqualBytes, ComparesLengthAndContent) {
  EXPECT_TRUE(equal_bytes({}, {}));
  EXPECT_TRUE(equal_bytes(as_bytes("a"), as_bytes("a")));
  EXPECT_FALSE(equal_bytes(as_bytes("a"), as_bytes("b")));
  EXPECT_FALSE(equal_bytes(as_bytes("a"), as_bytes("ab")));
}

}  // namespace
}  // namespace echostream
