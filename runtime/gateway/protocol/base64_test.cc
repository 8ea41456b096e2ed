#include "runtime/gateway/protocol/base64.h"

#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

TEST(Base64, KnowsTheExamplesOfItsRfc) {
  const std::pair<std::string, std::string> examples[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(to_base64(as_bytes(bytes)), text);
    EXPECT_EQ(from_base64(text), bytes);
    const std::string padded = to_padded_base64(as_bytes(bytes));
    EXPECT_EQ(padded.size() % 4, 0u);
    EXPECT_EQ(from_base64(padded), bytes);
  }
}

TEST(Base64, TakesBothAlphabets) {
  EXPECT_EQ(to_base64(as_bytes("\xFB\xFF")), "+/8");
  EXPECT_EQ(from_base64("+/8"), "\xFB\xFF");
  EXPECT_EQ(from_base64("-_8="), "\xFB\xFF");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"A", "AAAAA", "Zg=", "Zg==Zg==", "Z===", "====", "Zm 9", "Zm9\n", "Zh",
                           "Zm9=", "Zg==A", "Z!!!", "=Zg="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64Reader, ReadsPiecesOfAnySizeAndPaddingInside) {
  const std::string text = "Zm9v" + to_padded_base64(as_bytes("ab")) + "Zg==" + "Zm9v" + "YWI";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Base64Reader reader;
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(reader.feed(std::string_view(text).substr(at, piece), bytes));
    }
    ASSERT_TRUE(reader.finish(bytes));
    EXPECT_EQ(bytes, "fooabffooab");
  }
}

TEST(Base64Reader, NeedsItsEnd) {
  for (const char* text : {"Z", "Zm9vZ", "Zg="}) {
    Base64Reader reader;
    std::string bytes;
    EXPECT_TRUE(reader.feed(text, bytes));
    EXPECT_FALSE(reader.finish(bytes)) << text;
  }
}

}  // namespace
}  // namespace echostream::gateway
