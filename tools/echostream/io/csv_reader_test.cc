#include "tools/echostream/io/csv_reader.h"

#include <gtest/gtest.h>

#include <sstream>

namespace echostream::tool {
namespace {

constexpr CsvColumns kColumns{"seq,time_us,note", 1};

// The rows as "number@nanoseconds:note", or the first error.
std::string read(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in, "table.csv", kColumns);
  std::string rows;
  for (;;) {
    const auto has_row = reader.next();
    if (!has_row) return std::string(has_row.error().message());
    if (!*has_row) return rows;
    const auto number = reader.whole_number(0);
    if (!number) return std::string(number.error().message());
    const auto time = reader.stamp(1);
    if (!time) return std::string(time.error().message());
    rows += std::to_string(*number) + "@" + std::to_string(time->count()) + ":" +
            std::string(reader.field(2)) + " ";
  }
}

TEST(CsvReader, ReadsRowsWithAndWithoutOptionalColumns) {
  EXPECT_EQ(read("seq,time_us,note\n1,2,a\n3,4.5\n"), "1@2000:a 3@4500: ");
  EXPECT_EQ(read("seq,time_us\n1,2\n"), "1@2000: ");
}

TEST(CsvReader, ToleratesHowOtherProgramsWriteTables) {
  EXPECT_EQ(read("\xEF\xBB\xBFseq,time_us,note\r\n1,2,a\r\n"), "1@2000:a ");
  EXPECT_EQ(read("seq, time_us ,note\n 1,\t2 , a b \n"), "1@2000:a b ");
  EXPECT_EQ(read("seq,time_us,note\n1,2,a"), "1@2000:a ");
  EXPECT_EQ(read("seq,time_us,note\n1,2,a\n\n \r\n\n"), "1@2000:a ");
}

TEST(CsvReader, NamesTheLineAndWhatIsWrongAndExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "table.csv:1: the file is empty; the first line must be 'seq,time_us,note'"},
      {"1,2,a\n",
       "table.csv:1: the header is missing: here is '1,2,a'; the first line must be "
       "'seq,time_us,note'"},
      {"seq\n1\n",
       "table.csv:1: the header is missing: here is 'seq'; the first line must be "
       "'seq,time_us,note'"},
      {"seq,time_us,note,more\n",
       "table.csv:1: the header is missing: here is 'seq,time_us,note,more'; the first line must "
       "be 'seq,time_us,note'"},
      {"seq,time_us,note\n1,2,a\n1\n",
       "table.csv:3: there are 1 columns; expected 2 to 3: seq,time_us,note"},
      {"seq,time_us,note\n1,2,a,b\n",
       "table.csv:2: there are 4 columns; expected 2 to 3: seq,time_us,note"},
      {"seq,time_us,note\n1,2,a\n\n3,4,b\n",
       "table.csv:3: the line is empty, but rows follow it; expected seq,time_us,note"},
      {"seq,time_us,note\n-1,2,a\n",
       "table.csv:2: seq is '-1'; expected a whole number from 0 to 18446744073709551615"},
      {"seq,time_us,note\n18446744073709551616,2,a\n",
       "table.csv:2: seq is '18446744073709551616'; expected a whole number from 0 to "
       "18446744073709551615"},
      {"seq,time_us,note\n1,x\x01,a\n",
       "table.csv:2: time_us is 'x?'; expected microseconds between -4000000000000000 and "
       "4000000000000000, such as 1520 or 1520.250"},
      {"seq,time_us,note\n1,4000000000000000.001,a\n",
       "table.csv:2: time_us is '4000000000000000.001'; expected microseconds between "
       "-4000000000000000 and 4000000000000000, such as 1520 or 1520.250"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(read(text), message);
}

TEST(CsvReader, TakesLinesUpToItsLimit) {
  const std::string header = "seq,time_us,note\n";
  const std::string longest = "1,2," + std::string(CsvReader::kLongestLine - 4, 'a');
  EXPECT_EQ(read(header + longest + "\r\n"), "1@2000:" + longest.substr(4) + " ");
  EXPECT_EQ(read(header + longest), "1@2000:" + longest.substr(4) + " ");
  const std::string problem =
      "table.csv:2: the line is longer than 1000 bytes; expected a table with the columns "
      "seq,time_us,note";
  EXPECT_EQ(read(header + longest + "a\n"), problem);
  EXPECT_EQ(read(header + longest + "a"), problem);
  EXPECT_EQ(read(header + longest + std::string(100'000, 'a')), problem);
}

TEST(CsvReader, KeepsNulBytesInsideTheirField) {
  EXPECT_EQ(read(std::string("seq,time_us,note\n1,2\0,a\n", 25)).substr(0, 28),
            "table.csv:2: time_us is '2?'");
}

TEST(CsvReader, SurvivesEveryBeginningOfAFile) {
  const std::string text =
      "\xEF\xBB\xBFseq,time_us,note\r\n1,-2.75,a\r\n18446744073709551615,0\r\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string result = read(text.substr(0, size));
    EXPECT_TRUE(result.empty() || result.find("table.csv:") == 0 || result.find('@') != result.npos)
        << result;
  }
}

}  // namespace
}  // namespace echostream::tool
