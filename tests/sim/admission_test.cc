// Plugins that look at peers (docs/protocol.md 2.2), over networks that lose, reorder and repeat.
#include <gmock/gmock.h>

#include "tests/api/probe_plugin.h"
#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;

constexpr int kCalls = 5;

Lab::Options bad_network(std::uint64_t seed) {
  Lab::Options options;
  options.seed = seed;
  options.link.delay = 10ms;
  options.link.jitter = 20ms;
  options.link.loss = 0.15;
  options.link.duplicate = 0.1;
  options.link.reorder = 0.1;
  options.tune_server = [](NodeOptions& node) { node.log = [](LogLevel, std::string_view) {}; };
  return options;
}

// One client that dials, and does not wait for connect() to make its first calls.
class Admission {
 public:
  explicit Admission(std::uint64_t seed) : lab_(with_calls(seed)) {
    plugin_->behaviours["on_session_opening"].waits = std::chrono::milliseconds(seed * 37 % 400);
    EXPECT_TRUE(lab_.server_node->add_plugin(plugin_).is_ok());
    EXPECT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  }

  Result<Session> connect() { return *lab_.run(lab_.client_node->connect("10.0.0.1:4433")); }
  void refuse() {
    plugin_->behaviours["on_session_opening"].status =
        Status(StatusCode::kPermissionDenied, "members only");
  }
  Lab& lab() { return lab_; }
  int good = 0;
  int failed = 0;

 private:
  Lab::Options with_calls(std::uint64_t seed) {
    Lab::Options options = bad_network(seed);
    options.tune_client = [this](NodeOptions& node) {
      node.on_session = [this](const Session& session) {
        for (int i = 0; i < kCalls; ++i) {
          then(lab_.client_node->tasks(), session.client<lab::v1::Lab>().Echo(text("early bird")),
               [this](const Result<Text>& reply) { ++(reply ? good : failed); });
        }
      };
    };
    return options;
  }

  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
  std::shared_ptr<ProbePlugin> plugin_ = std::make_shared<ProbePlugin>("door", journal_);
  Lab lab_;
};

TEST(Admission, OfAPeerThatIsLetInLosesNoCallAndRepeatsNone) {
  for_each_seed(100, [](std::uint64_t seed) {
    Admission admission(seed);
    auto session = admission.connect();
    ASSERT_TRUE(session) << session.status();
    ASSERT_TRUE(admission.lab().sim.run_until(
        [&] { return admission.good + admission.failed == kCalls; }, 30s));
    EXPECT_EQ(admission.good, kCalls);
    EXPECT_EQ(admission.lab().server_handler->calls, kCalls);
  });
}

TEST(Admission, OfAPeerThatIsRefusedRunsNothingAndIsNeverReportedAsASuccess) {
  int told = 0;
  for_each_seed(100, [&](std::uint64_t seed) {
    Admission admission(seed);
    admission.refuse();
    auto session = admission.connect();
    ASSERT_FALSE(session);
    // When even the repeated farewells are lost, only that the session is gone.
    if (session.error().code() != StatusCode::kUnavailable) {
      EXPECT_EQ(session.error().code(), StatusCode::kPermissionDenied) << session.error();
      EXPECT_THAT(std::string(session.error().message()), ::testing::HasSubstr("members only"));
      ++told;
    }
    admission.lab().run_for(5s);
    EXPECT_EQ(admission.good, 0);
    EXPECT_EQ(admission.lab().server_handler->calls, 0);
  });
  EXPECT_GE(told, 1);
}

}  // namespace
}  // namespace echostream::testing
