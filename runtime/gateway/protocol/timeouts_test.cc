#include "runtime/gateway/protocol/timeouts.h"

#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

using namespace std::chrono_literals;

TEST(ConnectTimeout, IsANumberOfMilliseconds) {
  EXPECT_EQ(*parse_connect_timeout("1"), Duration(1ms));
  EXPECT_EQ(*parse_connect_timeout("5000"), Duration(5s));
  EXPECT_EQ(*parse_connect_timeout("0000000001"), Duration(1ms));
  EXPECT_EQ(*parse_connect_timeout("9999999999"), kLongestTimeout);
}

TEST(ConnectTimeout, R06_ZeroNegativeElevenDigitsAndGarbageAreRefused) {
  for (const char* value :
       {"0", "-1", "+1", "10000000000", "", "1s", "1.5", " 1", "0x10", "99999999999999999999"}) {
    const auto timeout = parse_connect_timeout(value);
    ASSERT_FALSE(timeout) << value;
    EXPECT_EQ(timeout.error().code(), StatusCode::kInvalidArgument) << value;
  }
}

TEST(GrpcTimeout, KnowsItsUnits) {
  EXPECT_EQ(*parse_grpc_timeout("2H"), Duration(2h));
  EXPECT_EQ(*parse_grpc_timeout("3M"), Duration(3min));
  EXPECT_EQ(*parse_grpc_timeout("4S"), Duration(4s));
  EXPECT_EQ(*parse_grpc_timeout("5m"), Duration(5ms));
  EXPECT_EQ(*parse_grpc_timeout("6u"), Duration(6us));
  EXPECT_EQ(*parse_grpc_timeout("7n"), Duration(7ns));
}

TEST(GrpcTimeout, R06_WhatIsTooLongIsCappedAndZeroIsTheShortest) {
  EXPECT_EQ(*parse_grpc_timeout("99999999H"), kLongestTimeout);
  EXPECT_EQ(*parse_grpc_timeout("99999999M"), kLongestTimeout);
  EXPECT_EQ(*parse_grpc_timeout("0n"), Duration(1ns));
}

TEST(GrpcTimeout, R06_GarbageIsRefused) {
  for (const char* value : {"", "1", "S", "-1S", "123456789S", "1s", "1 S", "1SS", "1h", "1.5S"}) {
    const auto timeout = parse_grpc_timeout(value);
    ASSERT_FALSE(timeout) << value;
    EXPECT_EQ(timeout.error().code(), StatusCode::kInvalidArgument) << value;
  }
}

TEST(Timeouts, AreWrittenSoThatTheyComeBackAndNeverShorter) {
  for (const Duration timeout : {Duration(1ns), Duration(999us), Duration(1ms), Duration(1500us),
                                 Duration(100s), Duration(99h), kLongestTimeout, Duration::max()}) {
    const Duration kept = std::min(timeout, kLongestTimeout);
    const auto connect = parse_connect_timeout(to_connect_timeout(timeout));
    const auto grpc = parse_grpc_timeout(to_grpc_timeout(timeout));
    ASSERT_TRUE(connect && grpc) << timeout.count();
    EXPECT_GE(*connect, kept);
    EXPECT_LT(*connect - kept, 1ms);
    EXPECT_GE(*grpc, kept);
    EXPECT_LE(*grpc - kept, kept / 1000 + Duration(1));
  }
}

}  // namespace
}  // namespace echostream::gateway
