#include "echostream/base/printable.h"

#include <gtest/gtest.h>

namespace echostream {
namespace {

TEST(Printable, LeavesTextOfAnyLanguageAsItIs) {
  EXPECT_EQ(printable("K\xC3\xBC"
                      "che \xE5\x8E\xA8 \xF0\x9F\x93\xB7"),
            "K\xC3\xBC"
            "che \xE5\x8E\xA8 \xF0\x9F\x93\xB7");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("evil\x1b[31m\n;rm"), "evil\\x1b[31m\\x0a;rm");
  EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");  // C1: CSI
  EXPECT_EQ(printable("back\\slash"), "back\\\\slash");
}

TEST(Printable, EscapesMarksThatTurnTheDirectionOfText) {
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b"),
            "a\\xe2\\x80\\xaeb");
  EXPECT_EQ(printable("a\xE2\x81\xA6"
                      "b"),
            "a\\xe2\\x81\\xa6b");
  EXPECT_EQ(printable("a\xD8\x9C"
                      "b"),
            "a\\xd8\\x9cb");
  EXPECT_EQ(printable("a\xE2\x80\xA8"
                      "b"),
            "a\\xe2\\x80\\xa8b");
}

TEST(Printable, EscapesEachByteThatIsNoUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xC0\x80"), "\\xc0\\x80");                    // not the shortest form
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("a\xE2\x82"), "a\\xe2\\x82");                  // cut off
}

}  // namespace
}  // namespace echostream
