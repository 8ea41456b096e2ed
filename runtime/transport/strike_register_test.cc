#include "runtime/transport/strike_register.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart{1000h};

StrikeRegister::TicketId id(std::uint32_t number) {
  StrikeRegister::TicketId made{};
  for (std::size_t i = 0; i < 4; ++i) made[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return made;
}

TEST(StrikeRegister, RefusesATicketThatWasUsedBefore) {
  StrikeRegister strikes;
  EXPECT_TRUE(strikes.use(kStart, id(1)));
  EXPECT_TRUE(strikes.use(kStart, id(2)));
  EXPECT_FALSE(strikes.use(kStart, id(1)));
  EXPECT_FALSE(strikes.use(kStart + 179s, id(1)));
}

TEST(StrikeRegister, RemembersForItsWindowAndNoLonger) {
  StrikeRegister strikes({180s, 10});
  EXPECT_TRUE(strikes.use(kStart, id(1)));
  EXPECT_FALSE(strikes.use(kStart + 180s - Duration(1), id(1)));
  EXPECT_TRUE(strikes.use(kStart + 180s, id(1)));
  EXPECT_EQ(strikes.size(), 1u);
}

TEST(StrikeRegister, TakesNobodyWhileItIsFull) {
  StrikeRegister strikes({180s, 2});
  EXPECT_TRUE(strikes.use(kStart, id(1)));
  EXPECT_TRUE(strikes.use(kStart + 1s, id(2)));
  EXPECT_FALSE(strikes.use(kStart + 2s, id(3)));
  EXPECT_EQ(strikes.size(), 2u);
  // The first is forgotten: there is room for one more, and the second is still known.
  EXPECT_TRUE(strikes.use(kStart + 180s, id(3)));
  EXPECT_FALSE(strikes.use(kStart + 180s, id(2)));
}

TEST(StrikeRegister, AClockThatIsSetBackForgetsNothing) {
  StrikeRegister strikes;
  EXPECT_TRUE(strikes.use(kStart, id(1)));
  EXPECT_FALSE(strikes.use(kStart - 1h, id(1)));
  EXPECT_TRUE(strikes.use(kStart - 1h, id(2)));
  EXPECT_FALSE(strikes.use(kStart + 1s, id(1)));
}

TEST(StrikeRegister, OfThreadsWithTheSameTicketOneWins) {
  StrikeRegister strikes;
  constexpr std::uint32_t kTickets = 2000;
  std::atomic<int> wins{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::uint32_t i = 0; i < kTickets; ++i) wins += strikes.use(kStart, id(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wins, static_cast<int>(kTickets));
}

}  // namespace
}  // namespace echostream::transport
