#include "tools/echostream/timing/exchanges.h"

#include <gtest/gtest.h>

#include <sstream>

namespace echostream::tool {
namespace {

// The t4 of each exchange in microseconds, or the first error.
std::string read(const std::string& rows) {
  std::istringstream in("t1_us,t2_us,t3_us,t4_us\n" + rows);
  ExchangeReader reader(in, "x.csv");
  std::string replies;
  for (;;) {
    const auto exchange = reader.next();
    if (!exchange) return std::string(exchange.error().message());
    if (!*exchange) return replies;
    const Duration reply = (*exchange)->reply_received.time_since_epoch();
    replies += std::to_string(reply.count() / 1000) + " ";
  }
}

TEST(ExchangeReader, GivesExchangesInTheOrderOfTheirReplies) {
  EXPECT_EQ(read("0,5,6,10\n20,25,26,30\n"), "10 30 ");
  // In the order of requests; the second reply overtook the first.
  EXPECT_EQ(read("0,5,6,100\n20,25,26,30\n200,205,206,210\n"), "30 100 210 ");
  EXPECT_EQ(read("0,5,6,30\n1,5,6,30\n"), "30 30 ");
}

TEST(ExchangeReader, RefusesAnOrderThatIsNeither) {
  EXPECT_EQ(read("0,5,6,10\n100,105,106,110\n200,205,206,210\n50,55,56,60\n"),
            "x.csv:5: t4_us is before that of a row further up; expected rows in the order of "
            "t4_us or of t1_us");
}

TEST(ExchangeReader, RefusesAReplyBeforeItsRequest) {
  EXPECT_EQ(read("0,5,6,10\n20,25,26,19.999\n"),
            "x.csv:3: t4_us is before t1_us; both are of clock A, and a reply comes later");
}

TEST(ExchangeReader, RefusesAPauseOfMoreThanADay) {
  EXPECT_EQ(read("0,5,6,10\n86400000010,5,6,86400000010\n"), "10 86400000010 ");
  EXPECT_EQ(read("0,5,6,10\n86400000011,5,6,86400000011\n90000000000,5,6,90000000000\n"),
            "x.csv:3: t4_us is more than a day after the one before it; expected exchanges of one "
            "session");
}

TEST(ExchangeReader, TakesWhateverThePeerStamped) {
  EXPECT_EQ(read("0,4000000000000000,-4000000000000000,10\n"), "10 ");
}

TEST(ExchangeReader, RefusesATableWithoutRows) {
  EXPECT_EQ(read(""), "x.csv:2: there are no rows; expected one for each exchange");
}

TEST(Estimates, AreReadAsTheyWereWritten) {
  std::ostringstream out;
  out << kEstimateColumns.header << '\n';
  write_estimate(out, {LocalTime(Duration(1'500)), Duration(-7), Duration::max(), Duration(20)});
  std::istringstream in(out.str());
  const auto estimates = read_estimates(in, "e.csv");
  ASSERT_TRUE(estimates);
  ASSERT_EQ(estimates->size(), 1U);
  EXPECT_EQ(estimates->front().at, LocalTime(Duration(1'500)));
  EXPECT_EQ(estimates->front().offset, Duration(-7));
  EXPECT_EQ(estimates->front().bound, Duration::max());
  EXPECT_EQ(estimates->front().estimated_error, Duration(20));
}

}  // namespace
}  // namespace echostream::tool
