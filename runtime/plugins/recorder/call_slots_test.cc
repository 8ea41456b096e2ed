#include "runtime/plugins/recorder/call_slots.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace echostream::recorder {
namespace {

using Side = InterceptedCall::Side;

class Slots : public ::testing::Test {
 protected:
  Slots() {
    method.name = "Grip";
    method.full_name = "acme.v1.Robot/Grip";
    place = {&method, Side::kServer, 7, "[::1]:1"};
  }
  static std::string value(const Topic& topic, std::string_view key) {
    for (const auto& [name, text] : topic.metadata) {
      if (name == key) return text;
    }
    return "";
  }
  MethodInfo method;
  CallPlace place;
  CallSlots slots;
};

TEST_F(Slots, SayWhereTheirMessagesAreFrom) {
  const auto slot = slots.take(place);
  EXPECT_EQ(slot->request()->name, "/acme.v1.Robot/Grip/request");
  EXPECT_EQ(slot->response()->name, "/acme.v1.Robot/Grip/response");
  EXPECT_EQ(slot->request()->type, nullptr) << "no .pb.cc describes it";
  EXPECT_EQ(value(*slot->response(), "session"), "7");
  EXPECT_EQ(value(*slot->response(), "side"), "server");
  EXPECT_EQ(value(*slot->response(), "peer"), "[::1]:1");
  EXPECT_EQ(value(*slot->response(), "slot"), "0");
}

TEST_F(Slots, AreUsedAgain) {
  auto first = slots.take(place);
  auto second = slots.take(place);
  EXPECT_EQ(second->number(), 1u);
  const auto topic = first->request();
  first.reset();
  first = slots.take(place);
  EXPECT_EQ(first->number(), 0u);
  EXPECT_EQ(first->request(), topic);
  CallPlace elsewhere = place;
  elsewhere.session = 8;
  EXPECT_EQ(slots.take(elsewhere)->number(), 0u);
}

TEST_F(Slots, AreAsManyAsWeSayHoweverManyCallsAPeerMakes) {
  std::vector<std::unique_ptr<CallSlot>> taken;
  for (std::size_t i = 0; i < 1000; ++i) taken.push_back(slots.take(place));
  EXPECT_EQ(taken[63]->number(), 63u);
  for (std::size_t i = 64; i < 1000; ++i) EXPECT_EQ(taken[i]->request(), taken[64]->request());
  EXPECT_EQ(value(*taken[64]->request(), "slot"), "shared");
  taken.erase(taken.begin() + 64, taken.end());
  taken[5].reset();
  EXPECT_EQ(slots.take(place)->number(), 5u);
}

TEST_F(Slots, OutliveTheSessionThatIsForgotten) {
  const auto slot = slots.take(place);
  slots.forget_session(7);
  EXPECT_EQ(slot->request()->name, "/acme.v1.Robot/Grip/request");
  const auto other = slots.take(place);
  EXPECT_EQ(other->number(), 0u);
  EXPECT_NE(other->request(), slot->request());
}

}  // namespace
}  // namespace echostream::recorder
