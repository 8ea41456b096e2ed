#include "runtime/plugins/recorder/replay_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/plugins/recorder/recording.pb.h"

namespace echostream::recorder {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kRoom = 1'000'000;

MethodInfo counting() {
  MethodInfo method;
  method.name = "Count";
  method.full_name = "a.Counter/Count";
  method.id = 77;
  method.kind = MethodKind::kStream;
  method.server_streaming = true;
  method.idempotent = true;
  method.no_side_effects = true;
  method.delivery = Delivery::kExpiring;
  method.priority = 1;
  method.max_age = std::chrono::milliseconds(150);
  return method;
}

RecordedChannel channel(std::uint16_t id, const MethodInfo& method, const char* direction,
                        const char* slot = "0") {
  RecordedChannel made;
  made.id = id;
  made.topic = "/" + std::string(method.full_name) + "/" + direction;
  made.metadata = describe_method(method);
  made.metadata.emplace_back("direction", direction);
  made.metadata.emplace_back("side", "server");
  made.metadata.emplace_back("session", "1");
  made.metadata.emplace_back("slot", slot);
  return made;
}

class Script : public ::testing::Test {
 protected:
  Status add(const RecordedChannel& on, std::int64_t time, std::string_view data) {
    const WallTime at{Duration(time)};
    return script.add({&on, 0, at, at, as_bytes(data)});
  }
  void end(const char* code, std::uint32_t slot = 0) {
    recording::v1::CallEnded ended;
    ended.set_method("a.Counter/Count");
    ended.set_side("server");
    ended.set_session(1);
    ended.set_slot(slot);
    ended.set_code(code);
    RecordedChannel calls;
    calls.topic = "/echostream/calls";
    EXPECT_TRUE(add(calls, 0, ended.SerializeAsString()).is_ok());
  }
  const std::vector<ReplayCall>& calls() { return script.methods().begin()->second.calls; }

  ReplayScript script{kRoom};
  RecordedChannel request = channel(1, counting(), "request");
  RecordedChannel response = channel(2, counting(), "response");
};

TEST_F(Script, KnowsTheMethodAsItWasRecorded) {
  ASSERT_TRUE(add(request, 0, "").is_ok());
  const MethodInfo info = script.methods().at("a.Counter/Count").method.info();
  EXPECT_EQ(info.name, "Count");
  EXPECT_EQ(info.full_name, "a.Counter/Count");
  EXPECT_EQ(info.id, 77u);
  EXPECT_EQ(info.kind, MethodKind::kStream);
  EXPECT_TRUE(info.server_streaming);
  EXPECT_FALSE(info.client_streaming);
  EXPECT_TRUE(info.idempotent);
  EXPECT_TRUE(info.no_side_effects);
  EXPECT_EQ(info.delivery, Delivery::kExpiring);
  EXPECT_EQ(info.priority, 1);
  EXPECT_EQ(info.max_age, std::chrono::milliseconds(150));
  EXPECT_EQ(script.methods().at("a.Counter/Count").method.service(), "a.Counter");
}

TEST_F(Script, PutsCallsThatFollowEachOtherApart) {
  for (std::int64_t begun : {100, 1000}) {
    ASSERT_TRUE(add(request, begun, "r" + std::to_string(begun)).is_ok());
    ASSERT_TRUE(add(response, begun + 5, "one").is_ok());
    ASSERT_TRUE(add(response, begun + 7, "two").is_ok());
  }
  end("ABORTED");
  ASSERT_EQ(calls().size(), 2u);
  EXPECT_EQ(calls()[1].request->text(), "r1000");
  ASSERT_EQ(calls()[1].responses.size(), 2u);
  EXPECT_EQ(calls()[1].responses[1].at, Duration(7));
  EXPECT_FALSE(calls()[0].end.has_value());
  EXPECT_EQ(calls()[1].end->code(), StatusCode::kAborted);
  EXPECT_TRUE(calls()[1].is_of_server);
}

// By a plugin like retry, between the recorder and the wire.
TEST_F(Script, TakesTheAttemptsOfACallForOneCall) {
  ASSERT_TRUE(add(request, 100, "r").is_ok());
  ASSERT_TRUE(add(request, 300, "r").is_ok());
  ASSERT_TRUE(add(response, 305, "one").is_ok());
  end("OK");
  ASSERT_EQ(calls().size(), 1u);
  ASSERT_EQ(calls()[0].responses.size(), 1u);
  EXPECT_EQ(calls()[0].responses[0].at, Duration(5));
  EXPECT_TRUE(calls()[0].end->is_ok());
}

TEST_F(Script, KeepsCallsThatRanAtOnceApart) {
  const RecordedChannel other_request = channel(3, counting(), "request", "1");
  const RecordedChannel other_response = channel(4, counting(), "response", "1");
  ASSERT_TRUE(add(request, 1, "a").is_ok());
  ASSERT_TRUE(add(other_request, 2, "b").is_ok());
  ASSERT_TRUE(add(response, 3, "to a").is_ok());
  ASSERT_TRUE(add(other_response, 4, "to b").is_ok());
  end("OK", 1);
  ASSERT_TRUE(add(response, 5, "to a").is_ok());
  ASSERT_EQ(calls().size(), 2u);
  EXPECT_EQ(calls()[0].responses.size(), 2u);
  EXPECT_EQ(calls()[1].responses.size(), 1u);
  EXPECT_TRUE(calls()[1].end->is_ok());
}

// The file before this one had the request.
TEST_F(Script, TakesACallOfWhichTheBeginningIsMissing) {
  ASSERT_TRUE(add(response, 100, "one").is_ok());
  ASSERT_TRUE(add(response, 120, "two").is_ok());
  ASSERT_EQ(calls().size(), 1u);
  EXPECT_FALSE(calls()[0].request.has_value());
  EXPECT_EQ(calls()[0].responses[0].at, Duration(0));
  EXPECT_EQ(calls()[0].responses[1].at, Duration(20));
}

TEST_F(Script, PassesOverChannelsOfOthers) {
  RecordedChannel foreign;
  foreign.topic = "/camera";
  EXPECT_TRUE(add(foreign, 0, "whatever").is_ok());
  EXPECT_TRUE(script.methods().empty());
  RecordedChannel calls_of_others;
  calls_of_others.topic = "/echostream/calls";
  EXPECT_TRUE(add(calls_of_others, 0, "\xFF\xFF").is_ok());
}

TEST_F(Script, PassesOverCallsThatCannotBeToldApart) {
  EXPECT_TRUE(add(channel(9, counting(), "request", "shared"), 0, "a").is_ok());
  EXPECT_TRUE(script.methods().empty());
}

TEST_F(Script, RefusesMethodsThatMakeNoSense) {
  for (const auto& [key, value] : {std::pair{"kind", "dance"}, std::pair{"method_id", "-1"},
                                   std::pair{"method_id", "4611686018427387904"},
                                   std::pair{"priority", "8"}, std::pair{"delivery", ""}}) {
    ReplayScript fresh(kRoom);
    RecordedChannel bad = request;
    for (auto& [name, text] : bad.metadata) {
      if (name == key) text = value;
    }
    const Status refused = fresh.add({&bad, 0, {}, {}, {}});
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << key << "=" << value;
    EXPECT_THAT(refused.to_string(), HasSubstr(key));
  }
}

TEST_F(Script, HoldsNoMoreThanItMay) {
  ReplayScript tight(1000);
  const std::string data(400, 'x');
  EXPECT_TRUE(tight.add({&request, 0, {}, {}, as_bytes(data)}).is_ok());
  EXPECT_TRUE(tight.add({&response, 0, {}, {}, as_bytes(data)}).is_ok());
  EXPECT_EQ(tight.add({&response, 0, {}, {}, as_bytes(data)}).code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::recorder
