#include "discovery/pairing/code.h"

#include <gtest/gtest.h>

#include <deque>

namespace echostream::pairing {
namespace {

Code from_numbers(std::deque<std::uint32_t> numbers) {
  return Code::make([&numbers](MutableBytes out) {
    ASSERT_EQ(out.size(), 4u);
    ASSERT_FALSE(numbers.empty()) << "asked for more random numbers than it should";
    for (std::size_t i = 0; i < 4; ++i) {
      out[i] = static_cast<std::uint8_t>(numbers.front() >> (24 - 8 * i));
    }
    numbers.pop_front();
  });
}

TEST(PairingCode, HasSixDigitsWhateverTheNumber) {
  EXPECT_EQ(from_numbers({0}).digits(), "000000");
  EXPECT_EQ(from_numbers({42}).digits(), "000042");
  EXPECT_EQ(from_numbers({1'999'999}).digits(), "999999");
  EXPECT_EQ(from_numbers({123'456}).for_people(), "123 456");
}

TEST(PairingCode, LeavesOutTheNumbersThatWouldMakeSomeCodesLikelier) {
  EXPECT_EQ(from_numbers({4'293'999'999}).digits(), "999999");
  EXPECT_EQ(from_numbers({4'294'000'000, 4'294'967'295, 7}).digits(), "000007");
}

TEST(PairingCode, IsReadAsPeopleWriteIt) {
  for (const char* text : {"123456", "123 456", "123-456", " 1 2-3 4-5 6 "}) {
    const auto code = Code::parse(text);
    ASSERT_TRUE(code) << text;
    EXPECT_EQ(code->digits(), "123456") << text;
  }
}

TEST(PairingCode, IsSixDigitsOrNone) {
  for (const char* text :
       {"", " ", "12345", "1234567", "12345a", "123.456", "-12345", "１２３４５６", "123456\n"}) {
    const auto code = Code::parse(text);
    ASSERT_FALSE(code) << text;
    EXPECT_EQ(code.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(code.status().message().find("12345"), std::string_view::npos) << text;
  }
  EXPECT_FALSE(Code::parse(std::string_view("123456\0", 7)));
}

TEST(PairingCode, IsOverwrittenWhereItWasWritten) {
  std::string text = "123456";
  const char* where = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string(where, 6).find_first_of("123456"), std::string::npos);
}

}  // namespace
}  // namespace echostream::pairing
