#include "runtime/timing/frame_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace echostream::timing {
namespace {

TEST(FrameRing, FindsWhatWaits) {
  FrameRing ring(8);
  ring.set_next(100);
  ring.put({102, 1, 2});
  ring.put({107, 3, 4});

  EXPECT_EQ(ring.find(100), nullptr);
  ASSERT_NE(ring.find(102), nullptr);
  EXPECT_EQ(ring.find(102)->arrived, 2);
  EXPECT_EQ(ring.find(110), nullptr);  // the same place
  EXPECT_EQ(ring.first_after(100)->sequence, 102U);
  EXPECT_EQ(ring.first_after(102)->sequence, 107U);
  EXPECT_EQ(ring.first_after(107), nullptr);
  EXPECT_TRUE(ring.fits(107));
  EXPECT_FALSE(ring.fits(108));
  EXPECT_FALSE(ring.fits(99));
}

TEST(FrameRing, RemembersWhatBecameOfThePast) {
  FrameRing ring(4);
  ring.put({0, 0, 0});
  ring.pass();  // was there
  ring.pass();  // was missing

  EXPECT_EQ(ring.past(0), FrameRing::Past::kHandled);
  EXPECT_EQ(ring.past(1), FrameRing::Past::kMissed);
  ring.set_handled(1);
  EXPECT_EQ(ring.past(1), FrameRing::Past::kHandled);
  ring.put({4, 0, 0});
  EXPECT_EQ(ring.past(0), FrameRing::Past::kUnknown);  // its place is taken
  EXPECT_FALSE(ring.is_empty());
}

TEST(FrameRing, PassesAnyNumberAtOnce) {
  FrameRing ring(4);
  ring.put({1, 0, 0});
  ring.put({3, 0, 0});

  EXPECT_EQ(ring.pass_until(std::uint64_t{1} << 62), 2U);

  EXPECT_TRUE(ring.is_empty());
  EXPECT_EQ(ring.next(), std::uint64_t{1} << 62);
  EXPECT_EQ(ring.first_after(ring.next()), nullptr);
}

TEST(FrameRing, WorksAtTheLastNumbers) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  FrameRing ring(4);
  ring.set_next(kLast - 1);
  ring.put({kLast, 0, 0});

  EXPECT_TRUE(ring.fits(kLast));
  EXPECT_EQ(ring.first_after(kLast - 1)->sequence, kLast);
  ring.pass();
  ring.pass();
  EXPECT_TRUE(ring.is_empty());
}

}  // namespace
}  // namespace echostream::timing
