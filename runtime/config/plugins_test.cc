// Plugins from the configuration: what happens with those that cannot be made, or do not start.
#include "runtime/config/plugins.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "echostream/config.h"
#include "echostream/testing/memory_session.h"
#include "echostream/testing/sim.h"

namespace echostream {
namespace {

using namespace std::chrono_literals;
using testing::Simulation;

class Probe final : public Plugin {
 public:
  enum class Start { kGood, kBad, kThrows, kHangs };
  explicit Probe(Start start) : start_(start) {}

  std::string_view name() const override { return "probe"; }
  Task<Status> on_start(Node&) override {
    if (start_ == Start::kBad) co_return Status(StatusCode::kUnavailable, "no luck");
    if (start_ == Start::kThrows) throw std::runtime_error("boom");
    if (start_ == Start::kHangs) (void)co_await sleep_for(1h);
    co_return Status::ok();
  }
  Task<Status> on_session_opening(Node&, Session) override {
    ++opening;
    co_return Status::ok();
  }
  void on_session_open(Node&, const Session&) override { ++open; }
  void on_session_closed(Node&, const Session&, const Status&, const SessionStats&) override {
    ++closed;
  }
  void on_draining(Node&) override { ++draining; }
  Task<void> on_stop(Node&) override {
    ++stopped;
    co_return;
  }

  int opening = 0;
  int open = 0;
  int closed = 0;
  int draining = 0;
  int stopped = 0;

 private:
  Start start_;
};

class OptionalPlugins : public ::testing::Test {
 protected:
  void run(Probe::Start start) {
    probe_ = std::make_shared<Probe>(start);
    NodeOptions options;
    options.log = [this](LogLevel, std::string_view line) { log_ += std::string(line) + "\n"; };
    Loop& loop = simulation_.add_node("a", *SocketAddress::parse("10.0.0.1:0"));
    Node node(loop, std::move(options));
    ASSERT_TRUE(node.add_plugin(internal::make_optional(probe_)).is_ok());
    const auto started = simulation_.run(loop, node.start(), 1min);
    ASSERT_TRUE(started);
    EXPECT_TRUE(started->is_ok()) << *started;
    Node other(loop);
    const auto sessions = testing::connect_in_memory(node, other);
    simulation_.run_for(1s);
    const auto shut_down = [](Node& leaving) -> Task<Status> {
      co_await leaving.shutdown(1s);
      co_return Status::ok();
    };
    ASSERT_TRUE(simulation_.run(loop, shut_down(node), 1min));
  }

  Simulation simulation_{1};
  std::shared_ptr<Probe> probe_;
  std::string log_;
};

TEST_F(OptionalPlugins, RunAsOthersDo) {
  ASSERT_NO_FATAL_FAILURE(run(Probe::Start::kGood));
  EXPECT_EQ(probe_->opening, 1);
  EXPECT_EQ(probe_->open, 1);
  EXPECT_EQ(probe_->closed, 1);
  EXPECT_EQ(probe_->draining, 1);
  EXPECT_EQ(probe_->stopped, 1);
  EXPECT_EQ(log_, "");
}

struct BadStart {
  Probe::Start start;
  const char* reason;
};
class OptionalPluginsThatFail : public OptionalPlugins,
                                public ::testing::WithParamInterface<BadStart> {};

TEST_P(OptionalPluginsThatFail, AreLeftAlone) {
  ASSERT_NO_FATAL_FAILURE(run(GetParam().start));
  EXPECT_EQ(probe_->opening + probe_->open + probe_->closed + probe_->draining + probe_->stopped,
            0);
  EXPECT_NE(log_.find("the plugin 'probe' does not start"), std::string::npos) << log_;
  EXPECT_NE(log_.find(GetParam().reason), std::string::npos) << log_;
}

INSTANTIATE_TEST_SUITE_P(
    ToStart, OptionalPluginsThatFail,
    ::testing::Values(BadStart{Probe::Start::kBad, "UNAVAILABLE: no luck"},
                      BadStart{Probe::Start::kThrows, "INTERNAL: it threw: boom"},
                      BadStart{Probe::Start::kHangs, "DEADLINE_EXCEEDED: it takes too long"}));

class MissingPlugin : public ::testing::Test {
 protected:
  Status add(const char* text) {
    auto configuration = parse_config(text, "robot.textproto");
    EXPECT_TRUE(configuration) << configuration.status();
    NodeOptions options;
    options.log = [this](LogLevel, std::string_view line) { log_ += std::string(line) + "\n"; };
    Loop& loop = simulation_.add_node("a", *SocketAddress::parse("10.0.0.1:0"));
    Node node(loop, std::move(options));
    checked_ = check_plugins(*configuration, &problems_);
    return add_plugins(*configuration, node);
  }

  Simulation simulation_{1};
  std::string log_;
  Status checked_;
  std::vector<ConfigProblem> problems_;
};

TEST_F(MissingPlugin, IsAnErrorWithItsPlace) {
  const Status status = add("plugins {\n  load { path: \"/no/such.so\" }\n}");
  EXPECT_FALSE(status.is_ok());
  EXPECT_TRUE(status.message().starts_with("robot.textproto:2:3: error: plugins.0.load: "))
      << status;
  EXPECT_EQ(checked_.message(), status.message());
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_EQ(problems_[0].field, "plugins.0.load");
}

TEST_F(MissingPlugin, CostsAWarningWhenItIsNotRequired) {
  const Status status = add("plugins {\n  required: false\n  load { path: \"/no/such.so\" }\n}");
  EXPECT_TRUE(status.is_ok()) << status;
  EXPECT_TRUE(log_.starts_with("a plugin is left out: robot.textproto:3:3: error: ")) << log_;
  EXPECT_FALSE(checked_.is_ok());
}

TEST(PoolPlugins, AMissingOneIsAnErrorOrAWarning) {
  auto configuration = parse_config("plugins { load { path: \"/no/such.so\" } }", "r.textproto");
  ASSERT_TRUE(configuration);
  std::string log;
  NodePoolOptions options;
  options.threads = 2;
  options.node.log = [&log](LogLevel, std::string_view line) { log += line; };
  auto pool = NodePool::make(std::move(options));
  ASSERT_TRUE(pool) << pool.error();
  const Status status = add_plugins(*configuration, **pool);
  EXPECT_TRUE(status.message().starts_with("r.textproto:1:11: error: plugins.0.load: ")) << status;
  ConfigOverrides optional;
  optional.settings = {"plugins.0.required=false"};
  configuration =
      parse_config("plugins { load { path: \"/no/such.so\" } }", "r.textproto", optional);
  ASSERT_TRUE(configuration);
  EXPECT_TRUE(add_plugins(*configuration, **pool).is_ok());
  EXPECT_TRUE((*pool)->start().is_ok());  // behind the line for the log
  EXPECT_TRUE((*pool)->shutdown(Duration()).is_ok());
  pool->reset();  // with its threads, so that nobody writes to the log any more
  EXPECT_TRUE(log.starts_with("a plugin is left out: r.textproto:1:11: error: ")) << log;
}

}  // namespace
}  // namespace echostream
