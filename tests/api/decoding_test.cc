// R03 over whole nodes: messages that would take far more memory than bytes.
#include <gmock/gmock.h>
#include <google/protobuf/empty.pb.h>

#include <algorithm>

#include "echostream/generated_support.h"

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using google::protobuf::Empty;
using lab::v1::Text;

// A megabyte of empty strings that no message has.
Empty bomb() {
  std::string bytes;
  for (int i = 0; i < 500'000; ++i) bytes.append("\x7a\0", 2);
  Empty message;
  message.ParseFromString(bytes);
  return message;
}

const MethodInfo& method(std::string_view name) {
  for (const MethodInfo& one : lab::v1::Lab::info().methods) {
    if (one.full_name.ends_with(name)) return one;
  }
  ADD_FAILURE() << "no method " << name;
  return lab::v1::Lab::info().methods[0];
}

class Decoding : public ::testing::TestWithParam<Wire> {
 protected:
  void SetUp() override { lab_.connect(); }
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    return chosen;
  }
  Lab lab_{options()};
};

TEST_P(Decoding, R03_ARequestThatIsABombIsRefusedAndTheSessionLivesOn) {
  auto reply = lab_.run(
      internal::call_rpc<Text>(lab_.at_client->channel(), method("/Echo"), bomb(), CallOptions()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status().code(), StatusCode::kResourceExhausted) << reply->status();
  EXPECT_THAT(std::string(reply->status().message()), ::testing::HasSubstr("max_decoded_bytes"));
  EXPECT_EQ(lab_.server_handler->started, 0);
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("fine"))));
}

TEST_P(Decoding, R03_AnEventThatIsABombIsDroppedAndTheSessionLivesOn) {
  auto sent = lab_.run(
      internal::emit_event(lab_.at_client->channel(), method("/Note"), bomb(), CallOptions()));
  ASSERT_TRUE(sent);
  EXPECT_TRUE(sent->is_ok()) << *sent;
  EXPECT_TRUE(lab_.run(lab_.client().Note(text("after")))->is_ok());
  lab_.run_for(std::chrono::seconds(2));
  EXPECT_THAT(lab_.server_handler->notes, ::testing::ElementsAre("after"));
}

// Each of them would be let through by itself.
TEST_P(Decoding, R03_RequestsThatHandlersHoldAreBoundedTogether) {
  using namespace std::chrono_literals;
  Lab::Options tight = options();
  tight.server_limits.max_handler_bytes = 100'000;
  Lab lab(tight);
  lab.connect();
  Text large = text("");
  large.set_payload(std::string(30'000, 'x'));
  large.set_number(500);  // milliseconds
  int served = 0, refused = 0;
  for (int i = 0; i < 5; ++i) {
    then(lab.client_node->tasks(), lab.client().Delay(large), [&](const Result<Text>& reply) {
      if (reply) {
        ++served;
        return;
      }
      EXPECT_EQ(reply.error().code(), StatusCode::kResourceExhausted) << reply.error();
      EXPECT_THAT(std::string(reply.error().message()), ::testing::HasSubstr("max_handler_bytes"));
      ++refused;
    });
  }
  lab.run_for(2s);
  EXPECT_EQ(served, 3);
  EXPECT_EQ(refused, 2);
  // What handlers held is free again when they have ended.
  EXPECT_TRUE(*lab.run(lab.client().Delay(large)));
}

TEST_P(Decoding, EventsThatCannotBeDecodedAreWarnedOfOnceASecond) {
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 12; ++i) {
    (void)lab_.run(
        internal::emit_event(lab_.at_client->channel(), method("/Note"), bomb(), CallOptions()));
  }
  const Duration before = lab_.sim.elapsed();
  lab_.run_for(std::chrono::seconds(2));
  const std::string said = ::testing::internal::GetCapturedStderr();
  const auto count = std::count(said.begin(), said.end(), '\n');
  EXPECT_GE(count, 1);
  EXPECT_LE(count, 3 + before / std::chrono::seconds(1));
}

INSTANTIATE_TEST_SUITE_P(Wires, Decoding, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
