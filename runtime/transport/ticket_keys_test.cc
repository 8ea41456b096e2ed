#include "runtime/transport/ticket_keys.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart{1000h};

class TicketKeysTest : public ::testing::Test {
 protected:
  std::vector<std::uint8_t> seal(WallTime now) {
    return keys_.seal(now, as_bytes("session"), as_bytes("robot.local"));
  }
  auto open(WallTime now, BytesView ticket) {
    return keys_.open(now, ticket, as_bytes("robot.local"));
  }

  TicketKeys keys_;
};

TEST_F(TicketKeysTest, OpensItsOwnTicketsAndLetsTheFirstUseCarryEarlyData) {
  const auto ticket = seal(kStart);
  const auto first = open(kStart + 1s, ticket);
  ASSERT_TRUE(first);
  EXPECT_EQ(as_text(first->session), "session");
  EXPECT_TRUE(first->may_carry_early_data);
  const auto second = open(kStart + 2s, ticket);
  ASSERT_TRUE(second) << "it may still be resumed";
  EXPECT_FALSE(second->may_carry_early_data);
}

TEST_F(TicketKeysTest, EveryTicketIsAnother) {
  const auto one = seal(kStart);
  const auto other = seal(kStart);
  EXPECT_NE(one, other);
  EXPECT_TRUE(open(kStart, one)->may_carry_early_data);
  EXPECT_TRUE(open(kStart, other)->may_carry_early_data);
}

TEST_F(TicketKeysTest, OpensNothingOfAnotherProcess) {
  TicketKeys restarted;
  const auto ticket = seal(kStart);
  EXPECT_FALSE(restarted.open(kStart, ticket, as_bytes("robot.local")));
  (void)restarted.seal(kStart, as_bytes("session"), {});
  EXPECT_FALSE(restarted.open(kStart, ticket, as_bytes("robot.local")));
}

TEST_F(TicketKeysTest, C05_ATicketOfAnotherNameDoesNotOpen) {
  const auto ticket = seal(kStart);
  EXPECT_FALSE(keys_.open(kStart, ticket, as_bytes("other.local")));
  EXPECT_TRUE(open(kStart, ticket)->may_carry_early_data) << "the wrong try counts for nothing";
}

TEST_F(TicketKeysTest, C05_KeysRotateAndTheLastButOneIsForgotten) {
  const auto ticket = seal(kStart);
  const auto before = seal(kStart + TicketKeys::kRotation - 1s);
  const auto after = seal(kStart + TicketKeys::kRotation);
  const auto number = [](BytesView bytes) { return std::string(as_text(bytes.first(8))); };
  EXPECT_EQ(number(ticket), number(before));
  EXPECT_NE(number(ticket), number(after));
  EXPECT_TRUE(open(kStart + TicketKeys::kRotation, before)) << "the key before is still there";
  (void)seal(kStart + 2 * TicketKeys::kRotation);
  EXPECT_FALSE(open(kStart + 2 * TicketKeys::kRotation, ticket));
  EXPECT_TRUE(open(kStart + 2 * TicketKeys::kRotation, after));
}

TEST_F(TicketKeysTest, C05_AnOldKeyOpensNothingEvenWhenNobodySealed) {
  const auto ticket = seal(kStart);
  EXPECT_TRUE(open(kStart + 2 * TicketKeys::kRotation - 1s, ticket));
  EXPECT_FALSE(open(kStart + 2 * TicketKeys::kRotation, ticket));
}

TEST_F(TicketKeysTest, ForgedAndCutTicketsAreIgnored) {
  const auto ticket = seal(kStart);
  for (std::size_t size = 0; size < ticket.size(); ++size) {
    EXPECT_FALSE(open(kStart, BytesView(ticket).first(size))) << size;
  }
  for (std::size_t i = 0; i < ticket.size(); ++i) {
    auto forged = ticket;
    forged[i] ^= 1;
    EXPECT_FALSE(open(kStart, forged)) << i;
  }
  EXPECT_EQ(keys_.strikes().size(), 0u) << "forgeries fill no register";
  EXPECT_TRUE(open(kStart, ticket)->may_carry_early_data);
}

}  // namespace
}  // namespace echostream::transport
