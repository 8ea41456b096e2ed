#include "runtime/plugins/auth_token/remembering.h"

#include <gtest/gtest.h>

#include <deque>

namespace echostream::auth_token {
namespace {

using namespace std::chrono_literals;
using Way = KeptByPeer::Way;

LocalTime at(Duration time) { return LocalTime(time); }
WallTime day_at(Duration time) { return WallTime(time); }

TEST(NumberInMetadata, IsThereOnceAndNothingElse) {
  const auto number = [](std::string text) { return number_in({{"n", std::move(text)}}, "n"); };
  EXPECT_EQ(number("1"), 1);
  EXPECT_EQ(number("600000"), 600'000);
  EXPECT_EQ(number("9007199254740992"), std::int64_t{1} << 53);
  for (const char* bad : {"", "0", "-1", "+1", " 1", "1 ", "1.5", "0x1", "9007199254740993",
                          "99999999999999999999"}) {
    EXPECT_EQ(number(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(number(std::string("1\0", 2)), std::nullopt);
  EXPECT_EQ(number_in({{"m", "1"}}, "n"), std::nullopt);
  EXPECT_EQ(number_in({{"n", "1"}, {"n", "1"}}, "n"), std::nullopt);
}

class KeptPrincipals : public ::testing::Test {
 protected:
  static KeptPrincipal::Peer peer(std::string subject, std::optional<WallTime> expires = {}) {
    auto made = std::make_shared<AuthenticatedPeer::Details>();
    made->subject = std::move(subject);
    made->expires = expires;
    return made;
  }
  std::string found(Duration now, Duration day = 0s) {
    const auto& one = kept_.find(at(now), day_at(day));
    return one != nullptr ? one->subject : "nobody";
  }
  KeptPrincipal kept_;
};

TEST_F(KeptPrincipals, LastUntilTheirTimeIsOver) {
  EXPECT_EQ(found(1s), "nobody");
  EXPECT_TRUE(kept_.keep(peer("ann"), 1, at(10s)));
  EXPECT_EQ(found(10s - 1ns), "ann");
  EXPECT_EQ(found(10s), "nobody");
  EXPECT_EQ(found(9s), "nobody") << "forgotten is forgotten";
}

TEST_F(KeptPrincipals, LastNoLongerThanTheirTokenWhateverTheWallClockDoes) {
  EXPECT_TRUE(kept_.keep(peer("ann", day_at(100s)), 1, at(1000s)));
  EXPECT_EQ(found(1s, 100s - 1ns), "ann");
  EXPECT_EQ(found(2s, 100s), "nobody");
}

TEST_F(KeptPrincipals, AreTheLatestTheCallerHasNumbered) {
  EXPECT_TRUE(kept_.keep(peer("second"), 2, at(10s)));
  EXPECT_FALSE(kept_.keep(peer("first"), 1, at(20s))) << "it came late";
  EXPECT_EQ(found(9s), "second");
  EXPECT_TRUE(kept_.keep(peer("again"), 2, at(20s)));
  EXPECT_EQ(found(10s), "again");
  EXPECT_EQ(found(20s), "nobody");
  EXPECT_FALSE(kept_.keep(peer("first"), 1, at(90s)));
  EXPECT_EQ(found(21s), "nobody");
}

TEST_F(KeptPrincipals, AreAllowedAMethodAgainOnlyThatOneAndForASecond) {
  const MethodInfo a;
  const MethodInfo b;
  EXPECT_TRUE(kept_.keep(peer("ann"), 1, at(90s)));
  kept_.allow(a);
  EXPECT_EQ(kept_.find_allowed(a, at(1s)), nullptr) << "nobody has looked at the clocks yet";
  EXPECT_EQ(found(1s), "ann");
  ASSERT_NE(kept_.find_allowed(a, at(2s - 1ns)), nullptr);
  EXPECT_EQ((*kept_.find_allowed(a, at(2s - 1ns)))->subject, "ann");
  EXPECT_EQ(kept_.find_allowed(b, at(1s)), nullptr);
  EXPECT_EQ(kept_.find_allowed(a, at(2s)), nullptr);
}

TEST_F(KeptPrincipals, AreNotAllowedWhatWasAllowedToThoseBefore) {
  const MethodInfo a;
  EXPECT_TRUE(kept_.keep(peer("ann"), 1, at(90s)));
  EXPECT_EQ(found(1s), "ann");
  kept_.allow(a);
  EXPECT_TRUE(kept_.keep(peer("bob"), 2, at(90s)));
  EXPECT_EQ(found(1s), "bob");
  EXPECT_EQ(kept_.find_allowed(a, at(1s)), nullptr);
}

TEST_F(KeptPrincipals, AreNotAllowedAnythingOnceTheyAreForgotten) {
  const MethodInfo a;
  EXPECT_TRUE(kept_.keep(peer("ann", day_at(100s)), 1, at(90s)));
  EXPECT_EQ(found(1s), "ann");
  kept_.allow(a);
  EXPECT_EQ(found(3s, 100s), "nobody");
  // A call may have come before the one that found the token expired, and be looked at after it.
  EXPECT_EQ(kept_.find_allowed(a, at(1s)), nullptr);
}

class KeptByPeers : public ::testing::Test {
 protected:
  MethodInfo a_;
  MethodInfo b_;
  KeptByPeer kept_;
};

TEST_F(KeptByPeers, AreReliedOnForTheMethodsThatSaidSo) {
  EXPECT_EQ(kept_.way_of(a_, 1, at(1s)), Way::kAsk);
  kept_.handle_answer(a_, 1, at(10s));
  EXPECT_EQ(kept_.way_of(a_, 1, at(1s)), Way::kRely);
  EXPECT_EQ(kept_.way_of(b_, 1, at(1s)), Way::kAsk);
  kept_.handle_answer(b_, 1, std::nullopt);
  EXPECT_EQ(kept_.way_of(b_, 1, at(1s)), Way::kShow);
  EXPECT_EQ(kept_.way_of(a_, 1, at(10s - 1ns)), Way::kRely);
  EXPECT_EQ(kept_.way_of(a_, 1, at(10s)), Way::kAsk);
  EXPECT_EQ(kept_.way_of(b_, 1, at(10s)), Way::kShow);
}

TEST_F(KeptByPeers, AreForOneTokenAndTheLatestAlone) {
  kept_.handle_answer(a_, 2, at(10s));
  EXPECT_EQ(kept_.way_of(a_, 3, at(1s)), Way::kAsk);
  EXPECT_EQ(kept_.way_of(a_, 1, at(1s)), Way::kAsk);
  kept_.handle_answer(a_, 1, std::nullopt);
  kept_.handle_answer(b_, 1, at(90s));
  EXPECT_EQ(kept_.way_of(a_, 2, at(1s)), Way::kRely) << "what is late changes nothing";
  EXPECT_EQ(kept_.way_of(a_, 2, at(11s)), Way::kAsk);
  EXPECT_EQ(kept_.way_of(b_, 2, at(1s)), Way::kAsk);
  kept_.handle_answer(b_, 3, at(20s));
  EXPECT_EQ(kept_.way_of(b_, 3, at(1s)), Way::kRely);
  EXPECT_EQ(kept_.way_of(a_, 3, at(1s)), Way::kAsk);
}

TEST_F(KeptByPeers, LastAsLongAsTheLongestAnswerWhateverTheirOrder) {
  kept_.handle_answer(a_, 1, at(10s));
  kept_.handle_answer(a_, 1, at(5s));
  EXPECT_EQ(kept_.way_of(a_, 1, at(9s)), Way::kRely);
}

TEST_F(KeptByPeers, RememberABoundedNumberOfMethods) {
  std::deque<MethodInfo> many(300);
  for (const MethodInfo& method : many) kept_.handle_answer(method, 1, at(10s));
  EXPECT_EQ(kept_.way_of(many[255], 1, at(1s)), Way::kRely);
  EXPECT_EQ(kept_.way_of(many[256], 1, at(1s)), Way::kShow);
}

}  // namespace
}  // namespace echostream::auth_token
