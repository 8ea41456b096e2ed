#include "tools/echostream/io/microseconds.h"

#include <gtest/gtest.h>

namespace echostream::tool {
namespace {

std::int64_t nanoseconds(std::string_view text) {
  const auto time = parse_microseconds(text);
  EXPECT_TRUE(time) << text;
  return time ? time->count() : -1;
}

TEST(Microseconds, AreExactToTheNanosecond) {
  EXPECT_EQ(nanoseconds("0"), 0);
  EXPECT_EQ(nanoseconds("1520"), 1'520'000);
  EXPECT_EQ(nanoseconds("+1520.5"), 1'520'500);
  EXPECT_EQ(nanoseconds("-3.25"), -3'250);
  EXPECT_EQ(nanoseconds("0.001"), 1);
  EXPECT_EQ(nanoseconds("-.5"), -500);
  EXPECT_EQ(nanoseconds("7."), 7'000);
  // More digits than a double holds.
  EXPECT_EQ(nanoseconds("4611686018427387.905"), 4'611'686'018'427'387'905);
}

TEST(Microseconds, RoundDigitsBelowTheNanosecond) {
  EXPECT_EQ(nanoseconds("1.0004"), 1'000);
  EXPECT_EQ(nanoseconds("1.0005"), 1'001);
  EXPECT_EQ(nanoseconds("-1.0009999999999999999999999"), -1'001);
  EXPECT_EQ(nanoseconds("0.9999"), 1'000);
}

TEST(Microseconds, ReachTheEndsOfADurationAndNoFurther) {
  EXPECT_EQ(nanoseconds("9223372036854775.807"), Duration::max().count());
  EXPECT_EQ(nanoseconds("-9223372036854775.808"), Duration::min().count());
  for (const char* text :
       {"9223372036854775.808", "-9223372036854775.809", "9223372036854775.8075",
        "9223372036854776", "99999999999999999999999", "18446744073709551616", "1e3"}) {
    EXPECT_FALSE(parse_microseconds(text)) << text;
  }
}

TEST(Microseconds, RefuseWhatIsNoNumber) {
  for (const char* text :
       {"",   "-",  "+",   ".",   "-.",   "--1", "+-1",   "1..2", "1.2.3", "1 2",
        " 1", "1 ", "nan", "inf", "0x10", "1,5", "1'000", "one",  "1.5x",  "1.0000x"}) {
    EXPECT_FALSE(parse_microseconds(text)) << text;
  }
}

TEST(Microseconds, AreWrittenAsTheyAreRead) {
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{-999}, std::int64_t{1'000},
        std::int64_t{-20'050}, Duration::max().count(), Duration::min().count()}) {
    EXPECT_EQ(nanoseconds(to_microseconds(Duration(count))), count);
  }
  EXPECT_EQ(to_microseconds(Duration(-20'050)), "-20.050");
}

TEST(Microseconds, WithoutAFractionAreNeverEarlier) {
  EXPECT_EQ(to_whole_microseconds(Duration(2'000)), "2");
  EXPECT_EQ(to_whole_microseconds(Duration(2'001)), "3");
  EXPECT_EQ(to_whole_microseconds(Duration(-2'001)), "-2");
  EXPECT_EQ(to_whole_microseconds(Duration::max()), "9223372036854776");
}

TEST(Fixed, WritesNoNegativeZero) {
  EXPECT_EQ(fixed(-0.04, 1), "0.0");
  EXPECT_EQ(fixed(-0.06, 1), "-0.1");
  EXPECT_EQ(fixed(3.14159, 2), "3.14");
  EXPECT_EQ(fixed(1e300, 0).size(), 301U);
}

}  // namespace
}  // namespace echostream::tool
