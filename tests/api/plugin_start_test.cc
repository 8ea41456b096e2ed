// How plugins start and stop, and what becomes of a node whose plugins do not.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <thread>

#include "echostream/middleware.h"
#include "echostream/raw_service.h"

#include "tests/api/probe_plugin.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Status (*refused)() = [] { return Status(StatusCode::kNotFound, "no such disk"); };

class PluginStart : public ::testing::Test {
 protected:
  explicit PluginStart(Wire wire = Wire::kQuic) : lab_(options(wire)) {}
  Lab::Options options(Wire wire) {
    Lab::Options chosen;
    chosen.wire = wire;
    chosen.link.delay = 5ms;
    chosen.tune_server = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
    };
    return chosen;
  }
  std::shared_ptr<ProbePlugin> make(std::string name) {
    return std::make_shared<ProbePlugin>(std::move(name), journal_);
  }
  std::shared_ptr<ProbePlugin> add(std::string name) {
    auto plugin = make(std::move(name));
    EXPECT_TRUE(lab_.server_node->add_plugin(plugin).is_ok());
    return plugin;
  }
  Node& node() { return *lab_.server_node; }
  Status start() { return lab_.run(node().start()).value(); }
  std::string logged() const {
    std::string all;
    for (const std::string& line : log_) all += line + "\n";
    return all;
  }
  /// What was noted since the last look.
  Journal journal() { return std::exchange(*journal_, {}); }
  /// The same without services, which every node of the lab has.
  Journal journal_of_life() {
    Journal all = journal();
    std::erase_if(all, [](const auto& entry) { return entry.ends_with(".on_service"); });
    return all;
  }

  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
  std::vector<std::string> log_;
  Lab lab_;
  const Identity identity_ = *Identity::self_signed("other", lab_.server_side->wall_time());
};

TEST_F(PluginStart, StartsInOrderAndStopsInReverse) {
  add("a");
  add("b");
  add("c");
  EXPECT_TRUE(start().is_ok());
  EXPECT_THAT(journal_of_life(), ElementsAre("a.on_start", "b.on_start", "c.on_start"));
  TaskGroup group(node().loop());
  bool over = false;
  group.spawn([](Node& leaving, bool& done) -> Task<void> {
    co_await leaving.shutdown(1s);
    done = true;
  }(node(), over));
  ASSERT_TRUE(lab_.sim.run_until([&] { return over; }, 5s));
  EXPECT_THAT(journal(), ElementsAre("c.on_draining", "b.on_draining", "a.on_draining", "c.on_stop",
                                     "b.on_stop", "a.on_stop"));
}

TEST_F(PluginStart, ANodeWithoutPluginsStartsAtOnce) { EXPECT_TRUE(start().is_ok()); }

TEST_F(PluginStart, TheNodeDestroysItsPluginsInReverse) {
  add("a");
  add("b");
  (void)journal();
  lab_.server_node.reset();
  EXPECT_THAT(journal(), ElementsAre("b.gone", "a.gone"));
}

TEST_F(PluginStart, WhatAPluginHasBroughtIsGoneBeforeIt) {
  // Its end is told to the plugin that made it.
  class Brought final : public RawService, public Middleware {
   public:
    explicit Brought(bool& plugin_is_there) : plugin_is_there_(plugin_is_there) {}
    ~Brought() override { EXPECT_TRUE(plugin_is_there_); }
    const ServiceInfo& info() const override {
      static const ServiceInfo kInfo{"test.v1.Brought", {}, {}};
      return kInfo;
    }
    std::string_view name() const override { return "brought"; }

   private:
    bool& plugin_is_there_;
  };
  class Bringing final : public Plugin {
   public:
    explicit Bringing(bool& is_there) : is_there_(is_there) { is_there_ = true; }
    ~Bringing() override { is_there_ = false; }
    std::string_view name() const override { return "bringing"; }
    Task<Status> on_start(Node& node) override {
      node.add_middleware(std::make_shared<Brought>(is_there_));
      co_return node.serve(std::make_shared<Brought>(is_there_));
    }

   private:
    bool& is_there_;
  };
  bool is_there = false;
  ASSERT_TRUE(node().add_plugin(std::make_shared<Bringing>(is_there)).is_ok());
  ASSERT_TRUE(start().is_ok());
  lab_.server_node.reset();
  EXPECT_FALSE(is_there);
}

TEST_F(PluginStart, RefusesNoneAndTwoOfOneNameAndLateOnes) {
  EXPECT_EQ(node().add_plugin(nullptr).code(), StatusCode::kInvalidArgument);
  add("a");
  EXPECT_EQ(node().add_plugin(make("a")).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(start().is_ok());
  const Status late = node().add_plugin(make("b"));
  EXPECT_EQ(late.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(late.message()), HasSubstr("'b'"));
}

TEST_F(PluginStart, ConnectWaitsForTheStartAndListenTellsOfItAfterwards) {
  auto slow = add("slow");
  slow->behaviours["on_start"].waits = 3s;
  auto of_client = make("of client");
  of_client->behaviours["on_start"].waits = 2s;
  ASSERT_TRUE(lab_.client_node->add_plugin(of_client).is_ok());
  lab_.connect();
  ASSERT_TRUE(lab_.at_client && lab_.at_client->is_open());
  ASSERT_EQ(slow->addresses.size(), 1u);
  EXPECT_EQ(slow->addresses[0].to_string(), "10.0.0.1:4433");
  const Journal noted = journal_of_life();
  EXPECT_EQ(std::count(noted.begin(), noted.end(), "slow.on_start"), 1);
  EXPECT_EQ(std::count(noted.begin(), noted.end(), "of client.on_start"), 1);
}

// ---- L02

enum class Kind { kGood, kWaits, kFails, kThrows, kSlow };

// Every order of one plugin of each kind: those before the first that cannot start are started,
// and stopped in reverse; those behind it hear nothing.
TEST_F(PluginStart, L02_AllPermutationsOfFiveHooks) {
  std::array<Kind, 5> order{Kind::kGood, Kind::kWaits, Kind::kFails, Kind::kThrows, Kind::kSlow};
  int permutations = 0;
  do {
    ++permutations;
    Node node(*lab_.server_side, [this] {
      NodeOptions options;
      options.log = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
      options.identity = identity_;
      return options;
    }());
    Journal expected;
    Journal to_stop;
    std::optional<StatusCode> end;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string name = std::to_string(i);
      auto plugin = make(name);
      auto& on_start = plugin->behaviours["on_start"];
      plugin->patience = 1s;
      std::optional<StatusCode> fails;
      switch (order[i]) {
        case Kind::kGood:
          break;
        case Kind::kWaits:
          on_start.waits = 900ms;
          break;
        case Kind::kFails:
          on_start.status = refused();
          fails = StatusCode::kNotFound;
          break;
        case Kind::kThrows:
          on_start.throws = true;
          fails = StatusCode::kInternal;
          break;
        case Kind::kSlow:
          on_start.waits = 1100ms;
          fails = StatusCode::kDeadlineExceeded;
          break;
      }
      ASSERT_TRUE(node.add_plugin(plugin).is_ok());
      if (end) continue;
      expected.push_back(name + ".on_start");
      if (order[i] == Kind::kSlow) expected.push_back(name + ".on_start given up");
      if (!fails) to_stop.insert(to_stop.begin(), name + ".on_stop");
      end = fails;
    }
    expected.insert(expected.end(), to_stop.begin(), to_stop.end());
    (void)journal();
    const Status status = lab_.run(node.start()).value();
    EXPECT_EQ(status.code(), end.value()) << status;
    lab_.run_for(10ms);
    EXPECT_EQ(journal(), expected);
    // What it says once it says always, and does nothing more.
    EXPECT_EQ(lab_.run(node.start()).value(), status);
    EXPECT_EQ(lab_.run(node.connect("10.0.0.1:4433")).value().status().code(), status.code());
    EXPECT_EQ(node.listen("10.0.0.1:9").status().code(), status.code());
    EXPECT_THAT(journal(), IsEmpty());
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(permutations, 120);
}

TEST_F(PluginStart, L02_APluginThatFailsSaysWhoAndWhy) {
  add("first");
  add("disk")->behaviours["on_start"].status = refused();
  const Status status = start();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "the plugin 'disk' did not start: no such disk");
  EXPECT_THAT(logged(), HasSubstr("'disk' did not start: no such disk"));
}

TEST_F(PluginStart, L02_APluginThatThrowsIsContainedAndNamed) {
  add("sane");
  add("mad")->behaviours["on_start"].throws_at_once = true;
  const Status status = start();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'mad' threw in on_start"));
  EXPECT_THAT(logged(), HasSubstr("a plugin's mistake"));
  EXPECT_THAT(journal_of_life(), ElementsAre("sane.on_start", "mad.on_start", "sane.on_stop"));
}

TEST_F(PluginStart, L02_AHookThatReturnsNoTaskIsContainedAndNamed) {
  class Empty final : public Plugin {
   public:
    explicit Empty(bool starts) : starts_(starts) {}
    std::string_view name() const override { return starts_ ? "does not stop" : "does not start"; }
    Task<Status> on_start(Node& node) override {
      return starts_ ? Plugin::on_start(node) : Task<Status>();
    }
    Task<void> on_stop(Node&) override { return {}; }

   private:
    const bool starts_;
  };
  ASSERT_TRUE(node().add_plugin(std::make_shared<Empty>(true)).is_ok());
  ASSERT_TRUE(node().add_plugin(std::make_shared<Empty>(false)).is_ok());
  EXPECT_EQ(start().code(), StatusCode::kInternal);
  lab_.run_for(1ms);
  EXPECT_THAT(logged(), HasSubstr("'does not start' threw in on_start: it returned an empty Task"));
  EXPECT_THAT(logged(), HasSubstr("'does not stop' threw in on_stop: it returned an empty Task"));
}

TEST_F(PluginStart, L02_ASlowPluginIsGivenUpAfterItsOwnTime) {
  auto slow = add("slow");
  slow->patience = 3s;
  slow->behaviours["on_start"].waits = 1h;
  const LocalTime before = node().loop().now();
  EXPECT_EQ(start().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(node().loop().now() - before, 3s);
  EXPECT_THAT(journal_of_life(), ElementsAre("slow.on_start", "slow.on_start given up"));
}

TEST_F(PluginStart, L02_StartingTwiceStartsOnce) {
  add("a")->behaviours["on_start"].waits = 1s;
  std::optional<Status> first;
  std::optional<Status> second;
  TaskGroup group(node().loop());
  group.spawn(internal::store(node().start(), first));
  group.spawn(internal::store(node().start(), second));
  ASSERT_TRUE(lab_.sim.run_until([&] { return first && second; }, 5s));
  EXPECT_TRUE(first->is_ok() && second->is_ok());
  EXPECT_TRUE(start().is_ok());
  EXPECT_THAT(journal_of_life(), ElementsAre("a.on_start"));
}

TEST_F(PluginStart, L02_WhoNoLongerWaitsForTheStartDoesNotEndIt) {
  add("a")->behaviours["on_start"].waits = 1s;
  {
    TaskGroup group(node().loop());
    std::optional<Status> dropped;
    group.spawn(internal::store(node().start(), dropped));
    lab_.run_for(500ms);
  }
  EXPECT_TRUE(start().is_ok());
  EXPECT_THAT(journal_of_life(), ElementsAre("a.on_start"));
}

TEST_F(PluginStart, L02_StoppingDuringTheStartStopsThoseThatHadStarted) {
  add("a");
  add("b");
  add("c")->behaviours["on_start"].waits = 5s;
  add("d");
  std::optional<Status> started;
  TaskGroup group(node().loop());
  group.spawn(internal::store(node().start(), started));
  lab_.run_for(1s);
  EXPECT_FALSE(started);
  group.spawn(node().shutdown(1s));
  lab_.run_for(1s);
  ASSERT_TRUE(started);
  EXPECT_EQ(started->code(), StatusCode::kUnavailable) << *started;
  EXPECT_THAT(journal_of_life(), ElementsAre("a.on_start", "b.on_start", "c.on_start",
                                             "c.on_start given up", "b.on_stop", "a.on_stop"));
  EXPECT_EQ(group.size(), 0u);
}

TEST_F(PluginStart, L02_AHookThatShutsTheNodeDownEndsItself) {
  class Suicidal final : public Plugin {
   public:
    std::string_view name() const override { return "suicidal"; }
    Task<Status> on_start(Node& node) override {
      co_await node.shutdown(1s);
      co_return Status::ok();
    }
  };
  ASSERT_TRUE(node().add_plugin(std::make_shared<Suicidal>()).is_ok());
  EXPECT_EQ(start().code(), StatusCode::kUnavailable);
}

TEST_F(PluginStart, L02_ANodeThatIsDestroyedDuringTheStartDestroysTheHook) {
  add("a")->behaviours["on_start"].waits = 5s;
  std::optional<Status> started;
  TaskGroup group(*lab_.server_side);
  group.spawn(internal::store(node().start(), started));
  lab_.run_for(1s);
  lab_.server_node.reset();
  lab_.run_for(1s);
  ASSERT_TRUE(started);
  EXPECT_EQ(started->code(), StatusCode::kUnavailable);
  EXPECT_THAT(journal_of_life(), ElementsAre("a.on_start", "a.on_start given up", "a.gone"));
}

TEST_F(PluginStart, L02_AStopThatThrowsOrHangsKeepsNobodyFromStopping) {
  add("a");
  auto hangs = add("b");
  hangs->patience = 2s;
  hangs->behaviours["on_stop"].waits = 1h;
  add("c")->behaviours["on_stop"].throws = true;
  ASSERT_TRUE(start().is_ok());
  (void)journal();
  TaskGroup group(node().loop());
  group.spawn(node().shutdown(1s));
  ASSERT_TRUE(lab_.sim.run_until([&] { return group.size() == 0; }, 10s));
  EXPECT_THAT(journal(), ElementsAre("c.on_draining", "b.on_draining", "a.on_draining", "c.on_stop",
                                     "b.on_stop", "b.on_stop given up", "a.on_stop"));
  EXPECT_THAT(logged(), HasSubstr("'c' threw in on_stop"));
  EXPECT_THAT(logged(), HasSubstr("'b' took longer than 2000 ms in on_stop"));
}

TEST_F(PluginStart, L02_AHookThatKeepsTheLoopIsNamed) {
  class Blocking final : public Plugin {
   public:
    std::string_view name() const override { return "blocking"; }
    Status on_service(Node&, const ServiceInfo&) override {
      std::this_thread::sleep_for(150ms);
      return Status::ok();
    }
  };
  auto loop = make_loop();
  ASSERT_TRUE(loop);
  NodeOptions options;
  options.log = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
  Node slow(**loop, std::move(options));
  ASSERT_TRUE(slow.add_plugin(std::make_shared<Blocking>()).is_ok());
  ASSERT_TRUE(slow.serve(lab_.server_handler).is_ok());
  run(**loop, []() -> Task<void> { (void)co_await sleep_for(1ms); }());
  EXPECT_THAT(logged(), HasSubstr("the plugin 'blocking' kept the loop for"));
}

// ---- Services and announcements

TEST_F(PluginStart, APluginHearsOfServicesBeforeAndAfterIt) {
  auto plugin = add("a");
  EXPECT_THAT(plugin->services, ElementsAre("lab.v1.Lab"));
  Node other(*lab_.server_side, NodeOptions());
  ASSERT_TRUE(other.add_plugin(make("b")).is_ok());
  auto late = make("late");
  ASSERT_TRUE(other.add_plugin(late).is_ok());
  ASSERT_TRUE(other.serve(lab_.server_handler).is_ok());
  EXPECT_THAT(late->services, ElementsAre("lab.v1.Lab"));
}

TEST_F(PluginStart, APluginMayServeMoreWhenItHearsOfAService) {
  class Companion final : public RawService {
   public:
    explicit Companion(std::size_t number) : name_("test.v1.Companion" + std::to_string(number)) {}
    const ServiceInfo& info() const override { return info_; }

   private:
    const std::string name_;
    const ServiceInfo info_{name_, {}, {}};
  };
  class Companions final : public Plugin {
   public:
    std::string_view name() const override { return "companions"; }
    Status on_service(Node& node, const ServiceInfo& service) override {
      services.emplace_back(service.full_name);
      if (services.size() >= 20) return Status::ok();
      return node.serve(std::make_shared<Companion>(services.size()));
    }
    std::vector<std::string> services;
  };
  auto plugin = std::make_shared<Companions>();
  ASSERT_TRUE(node().add_plugin(plugin).is_ok());
  EXPECT_EQ(plugin->services.size(), 20u);
  EXPECT_EQ(node().announcement("x").services.size(), 20u);
}

TEST_F(PluginStart, APluginMayRefuseAService) {
  auto strict = make("strict");
  strict->service_verdict = Status(StatusCode::kFailedPrecondition, "not on this machine");
  Node other(*lab_.server_side, NodeOptions());
  ASSERT_TRUE(other.add_plugin(strict).is_ok());
  const Status status = other.serve(lab_.server_handler);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "the plugin 'strict': not on this machine");
  EXPECT_THAT(other.announcement("x").services, IsEmpty());
  // The same for one that was served before.
  auto stricter = make("stricter");
  stricter->service_verdict = strict->service_verdict;
  EXPECT_EQ(node().add_plugin(stricter).code(), StatusCode::kFailedPrecondition);
}

TEST_F(PluginStart, PluginsAddToTheAnnouncement) {
  add("a");
  add("b");
  ASSERT_TRUE(start().is_ok());
  const Announcement announcement = node().announcement("door");
  EXPECT_EQ(announcement.name, "door");
  EXPECT_THAT(announcement.services, ElementsAre("lab.v1.Lab"));
  EXPECT_THAT(announcement.properties,
              ElementsAre(std::pair<std::string, std::string>("from", "a"),
                          std::pair<std::string, std::string>("from", "b")));
}

TEST_F(PluginStart, ValuesLiveWithTheNode) {
  EXPECT_EQ(node().state().get<int>(), nullptr);
  node().state().emplace<int>(7);
  EXPECT_EQ(*node().state().get<int>(), 7);
}

TEST_F(PluginStart, APluginWithoutSettingsRefusesThem) {
  auto plugin = make("plain");
  EXPECT_TRUE(plugin->configure("{}").is_ok());
  EXPECT_TRUE(plugin->configure(" { } ").is_ok());
  const Status status = plugin->configure(R"({"level": 3})");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'plain'"));
}

}  // namespace
}  // namespace echostream::testing
