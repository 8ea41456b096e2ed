#include "runtime/plugins/auth_token/token_keeper.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "echostream/testing/sim.h"

namespace echostream::auth_token {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// A source that counts, takes its time, and gives tokens that last a minute.
class TokenKeeping : public ::testing::Test {
 protected:
  TokenKeeping() : loop_(sim_.add_node("node", SocketAddress::ipv4({10, 0, 0, 1}, 0))) {}

  static Task<Result<BearerToken>> fetch(TokenKeeping& test) {
    const int number = ++test.fetched_;
    ++test.under_way_;
    test.most_under_way_ = std::max(test.most_under_way_, test.under_way_);
    (void)co_await sleep_for(test.takes_);
    --test.under_way_;
    if (test.throws_) throw std::runtime_error("SeCrEt");
    if (!test.fails_.is_ok()) co_return test.fails_;
    BearerToken token("token" + std::to_string(number), test.loop_.wall_time() + test.lasts_);
    co_return token;
  }
  TokenKeeper keeper(Duration refresh_before = 10s, Duration fetch_timeout = 5s) {
    return TokenKeeper(
        loop_, [this] { return fetch(*this); }, refresh_before, fetch_timeout);
  }
  // Virtual time passes until there is an answer.
  Result<std::string> get(TokenKeeper& from, LocalTime deadline = kNever) {
    std::optional<Result<std::string>> slot;
    TaskGroup group(loop_);
    group.spawn(internal::store(from.get(deadline), slot));
    EXPECT_TRUE(sim_.run_until([&] { return slot.has_value(); }, 1min));
    return slot ? *std::move(slot) : Status(StatusCode::kInternal, "took too long");
  }

  testing::Simulation sim_{1};
  Loop& loop_;
  int fetched_ = 0;
  int under_way_ = 0;
  int most_under_way_ = 0;
  Duration takes_ = 100ms;
  Duration lasts_ = 60s;
  Status fails_;
  bool throws_ = false;
};

TEST_F(TokenKeeping, OneIsFetchedForAllWhoWait) {
  TokenKeeper kept = keeper();
  int got = 0;
  TaskGroup group(loop_);
  for (int i = 0; i < 100; ++i) {
    group.spawn([](TokenKeeper& from, int& count) -> Task<void> {
      const auto token = co_await from.get(kNever);
      if (token && *token == "Bearer token1") ++count;
    }(kept, got));
  }
  ASSERT_TRUE(sim_.run_until([&] { return group.size() == 0; }, 1s));
  EXPECT_EQ(got, 100);
  EXPECT_EQ(fetched_, 1);
}

TEST_F(TokenKeeping, ANewOneIsFetchedAheadOfTimeAndNobodyWaitsForIt) {
  TokenKeeper kept = keeper();
  EXPECT_EQ(*get(kept), "Bearer token1");
  sim_.run_for(49s);
  EXPECT_EQ(*get(kept), "Bearer token1");
  EXPECT_EQ(fetched_, 1);
  sim_.run_for(2s);
  const LocalTime before = loop_.now();
  EXPECT_EQ(*get(kept), "Bearer token1") << "nine seconds are left";
  EXPECT_EQ(loop_.now(), before) << "did not wait";
  sim_.run_for(1s);
  EXPECT_EQ(*get(kept), "Bearer token2");
  EXPECT_EQ(fetched_, 2);
}

TEST_F(TokenKeeping, AnExpiredOneIsNeverGiven) {
  TokenKeeper kept = keeper();
  EXPECT_EQ(*get(kept), "Bearer token1");
  fails_ = Status(StatusCode::kUnavailable, "the identity server is down");
  sim_.run_for(55s);
  EXPECT_EQ(*get(kept), "Bearer token1") << "the new one does not come, the old one is still good";
  sim_.run_for(6s);
  const auto token = get(kept);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(token.error().message()), HasSubstr("the identity server is down"));
}

TEST_F(TokenKeeping, AFailingSourceIsAskedOnceASecondAtMost) {
  TokenKeeper kept = keeper();
  fails_ = Status(StatusCode::kUnavailable, "down");
  takes_ = 1ms;
  const LocalTime end = loop_.now() + 10s;
  int calls = 0;
  while (loop_.now() < end) {
    EXPECT_FALSE(get(kept));
    sim_.run_for(10ms);
    ++calls;
  }
  EXPECT_GE(calls, 800);
  EXPECT_LE(fetched_, 11);
  EXPECT_EQ(most_under_way_, 1);
  fails_ = Status();
  sim_.run_for(1s);
  EXPECT_TRUE(get(kept));
}

TEST_F(TokenKeeping, OneThatAPeerDidNotTakeIsReplacedOnceASecondAtMost) {
  TokenKeeper kept = keeper();
  EXPECT_EQ(*get(kept), "Bearer token1");
  kept.reject("Bearer token0");
  EXPECT_EQ(*get(kept), "Bearer token1") << "that was an older one";
  kept.reject("Bearer token1");
  EXPECT_EQ(*get(kept), "Bearer token1") << "just fetched: there is no better one";
  sim_.run_for(1s);
  EXPECT_EQ(*get(kept), "Bearer token2");
  EXPECT_EQ(fetched_, 2);
}

TEST_F(TokenKeeping, ASourceThatTakesTooLongOrThrowsFailsTheCallAndIsAskedAgain) {
  TokenKeeper kept = keeper();
  takes_ = 6s;
  auto token = get(kept);
  ASSERT_FALSE(token);
  EXPECT_THAT(std::string(token.error().message()), HasSubstr("took too long"));
  takes_ = 0s;
  throws_ = true;
  sim_.run_for(1s);
  token = get(kept);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().message(), "no token: the token source threw");
  throws_ = false;
  sim_.run_for(1s);
  EXPECT_TRUE(get(kept));
}

TEST_F(TokenKeeping, ACallThatGoesAwayLeavesTheOthersTheirToken) {
  TokenKeeper kept = keeper();
  std::optional<Result<std::string>> slot;
  TaskGroup others(loop_);
  {
    TaskGroup first(loop_);
    first.spawn([](TokenKeeper& from) -> Task<void> { (void)co_await from.get(kNever); }(kept));
    sim_.run_for(10ms);
    others.spawn(internal::store(kept.get(kNever), slot));
    sim_.run_for(10ms);
  }
  ASSERT_TRUE(sim_.run_until([&] { return slot.has_value(); }, 1s));
  EXPECT_EQ(**slot, "Bearer token1");
  EXPECT_EQ(fetched_, 1);
}

TEST_F(TokenKeeping, WaitsNoLongerThanItsCallMay) {
  TokenKeeper kept = keeper();
  takes_ = 3s;
  const LocalTime begin = loop_.now();
  const auto token = get(kept, begin + 20ms);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(loop_.now(), begin + 20ms);
}

TEST_F(TokenKeeping, WhatCannotBeSentIsNoToken) {
  for (const char* text : {"", "two words", "a\r\nb", "\xc3\xa9"}) {
    TokenKeeper kept(loop_, fixed_token(text), 10s, 5s);
    EXPECT_FALSE(get(kept)) << text;
  }
  TokenKeeper kept(loop_, fixed_token("abc.def"), 10s, 5s);
  EXPECT_EQ(*get(kept), "Bearer abc.def");
}

}  // namespace
}  // namespace echostream::auth_token
