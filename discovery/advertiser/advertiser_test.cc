#include "echostream/discovery/advertiser.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/plugin.h"

#include "discovery/advertiser/fake_dns_sd_test_support.h"
#include "discovery/records/text_record.h"
#include "tests/support/lab.h"

namespace echostream::discovery {
namespace {

using namespace std::chrono_literals;
using echostream::testing::LabHandler;
using echostream::testing::Simulation;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeDnsSd;
using ::testing::HasSubstr;
using ::testing::Pair;
using State = AdvertiserStatus::State;

const Status kNoDaemon(StatusCode::kUnavailable, "start avahi-daemon");

class AdvertiserTest : public ::testing::Test {
 protected:
  AdvertiserTest() {
    NodeOptions options;
    options.identity = Identity::self_signed("device", loop.wall_time()).value();
    options.log = [this](LogLevel, std::string_view line) { log.emplace_back(line); };
    node = std::make_unique<Node>(loop, std::move(options));
  }
  ~AdvertiserTest() override { advertiser.reset(); }

  void listen(const char* address = "10.0.0.1:4433") {
    auto bound = node->listen(address);
    ASSERT_TRUE(bound) << bound.status();
  }
  void announce(AnnounceOptions options = {}) {
    if (options.name.empty()) options.name = "camera";
    auto announced = discovery::announce(*node, dns_sd, std::move(options));
    ASSERT_TRUE(announced) << announced.status();
    advertiser.emplace(*std::move(announced));
    settle();
  }
  void announce_all(AnnounceOptions options = {}) {
    dns_sd->set_status(Status());
    listen();
    announce(std::move(options));
    ASSERT_TRUE(dns_sd->current().has_value());
    dns_sd->answer(Status());
    settle();
    ASSERT_EQ(advertiser->status().state, State::kAnnounced);
  }
  TextRecord says() const { return parse_text_record(dns_sd->current().value().txt); }
  void settle() { sim.run_for(1ms); }

  Simulation sim{1};
  Loop& loop = sim.add_node("device", *SocketAddress::parse("10.0.0.1:0"));
  std::shared_ptr<FakeDnsSd> dns_sd = std::make_shared<FakeDnsSd>(sim, loop);
  std::vector<std::string> log;
  std::unique_ptr<Node> node;
  std::optional<Advertiser> advertiser;
};

TEST_F(AdvertiserTest, AnnouncesWhereTheNodeListensAndWhoItIs) {
  ASSERT_TRUE(node->serve(std::make_shared<LabHandler>()).is_ok());
  AnnounceOptions options;
  options.node_id = "device-1";
  options.properties = {{"location", "door"}};
  announce_all(std::move(options));
  EXPECT_EQ(dns_sd->current()->port, 4433);
  EXPECT_THAT(dns_sd->current()->subtypes, ElementsAre("_lab-v1-lab"));
  EXPECT_EQ(says().protocol_version, 1u);
  EXPECT_EQ(says().node_id, "device-1");
  EXPECT_EQ(says().fingerprint, node->announcement("").fingerprint);
  EXPECT_THAT(says().services, ElementsAre("lab.v1.Lab"));
  EXPECT_THAT(says().properties, ElementsAre(Pair("location", "door")));
  EXPECT_EQ(advertiser->status().name, "camera");
  EXPECT_THAT(log, Contains(HasSubstr("announced as 'camera'")));
}

TEST_F(AdvertiserTest, TakesTheHostsNameAndARandomIdWhenItIsGivenNone) {
  dns_sd->set_status(Status());
  listen();
  auto one = discovery::announce(*node, dns_sd);
  auto other = discovery::announce(*node, dns_sd);
  ASSERT_TRUE(one && other);
  settle();
  ASSERT_EQ(dns_sd->publications.size(), 2u);
  const Registration& first = dns_sd->publications[0]->versions[0];
  const Registration& second = dns_sd->publications[1]->versions[0];
  EXPECT_EQ(first.name, "workshop");
  EXPECT_EQ(parse_text_record(first.txt).node_id.size(), 16u);
  EXPECT_NE(parse_text_record(first.txt).node_id, parse_text_record(second.txt).node_id);
}

TEST_F(AdvertiserTest, WaitsUntilTheNodeListens) {
  dns_sd->set_status(Status());
  announce();
  EXPECT_EQ(advertiser->status().state, State::kWaiting);
  EXPECT_EQ(advertiser->status().error.code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(sim.run(loop, advertiser->wait_announced(), 60s).has_value()) << "it goes on";

  listen();
  settle();
  EXPECT_EQ(dns_sd->current().value().port, 4433);
}

TEST_F(AdvertiserTest, SaysGoodbyeWhenTheNodeShutsDown) {
  announce_all();
  TaskGroup tasks(loop);
  tasks.spawn(node->shutdown(1s));
  settle();
  EXPECT_FALSE(dns_sd->current().has_value());
  EXPECT_EQ(advertiser->status().state, State::kWaiting);
  sim.run_for(5s);
  EXPECT_EQ(dns_sd->publications.size(), 1u);
}

TEST_F(AdvertiserTest, FollowsServicesAndIdentities) {
  announce_all();
  EXPECT_THAT(says().services, ElementsAre());
  ASSERT_TRUE(node->serve(std::make_shared<LabHandler>()).is_ok());
  sim.run_for(2s);
  EXPECT_THAT(says().services, ElementsAre("lab.v1.Lab"));
  EXPECT_THAT(dns_sd->current()->subtypes, ElementsAre("_lab-v1-lab"));

  const Identity other = Identity::self_signed("other", loop.wall_time()).value();
  ASSERT_TRUE(node->set_identity(other).is_ok());
  sim.run_for(2s);
  EXPECT_EQ(says().fingerprint, other.fingerprint());
  EXPECT_EQ(dns_sd->publications.size(), 1u) << "withdrawn, where an update would do";
}

class Labelled final : public Plugin {
 public:
  std::string_view name() const override { return "labelled"; }
  void on_announce(Node&, Announcement& announcement) override {
    announcement.properties.emplace_back("health", "good");
  }
};

TEST_F(AdvertiserTest, SaysWhatPluginsAdd) {
  ASSERT_TRUE(node->add_plugin(std::make_shared<Labelled>()).is_ok());
  announce_all();
  sim.run_for(2s);
  EXPECT_THAT(says().properties, ElementsAre(Pair("health", "good")));
}

TEST_F(AdvertiserTest, ChangesItsProperties) {
  announce_all();
  EXPECT_TRUE(advertiser->set_properties({{"state", "busy"}}).is_ok());
  sim.run_for(2s);
  EXPECT_THAT(says().properties, ElementsAre(Pair("state", "busy")));

  const Status refused = advertiser->set_properties({{"id", "mine"}});
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  sim.run_for(2s);
  EXPECT_THAT(says().properties, ElementsAre(Pair("state", "busy")));
}

TEST_F(AdvertiserTest, RefusesWhatDoesNotFit) {
  const auto refusal = [this](AnnounceOptions options) {
    return discovery::announce(*node, dns_sd, std::move(options)).status().to_string();
  };
  AnnounceOptions name;
  name.name = std::string(64, 'x');
  EXPECT_THAT(refusal(name), ::testing::AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("63")));
  AnnounceOptions id;
  id.node_id = "line\nbreak";
  EXPECT_THAT(refusal(id), HasSubstr("INVALID_ARGUMENT"));
  AnnounceOptions property;
  property.properties = {{"svc9", "x"}};
  EXPECT_THAT(refusal(property), HasSubstr("INVALID_ARGUMENT"));
  AnnounceOptions whole;
  for (int i = 0; i < 6; ++i) {
    whole.properties.emplace_back("key" + std::to_string(i), std::string(240, 'x'));
  }
  EXPECT_THAT(refusal(whole), ::testing::AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("1300")));
  EXPECT_EQ(discovery::announce(*node, nullptr).status().code(), StatusCode::kInvalidArgument);
  settle();
  EXPECT_TRUE(dns_sd->publications.empty());
}

TEST_F(AdvertiserTest, IsUnavailableAtOnceWithoutADaemonAndGoesOnWaiting) {
  listen();
  announce();
  dns_sd->set_status(kNoDaemon);
  const Duration before = sim.elapsed();
  const auto waited = sim.run(loop, advertiser->wait_announced(), 60s);
  ASSERT_TRUE(waited.has_value());
  EXPECT_EQ(*waited, kNoDaemon);
  EXPECT_LT(sim.elapsed() - before, 10ms);
  EXPECT_THAT(log, Contains(HasSubstr("start avahi-daemon")));

  dns_sd->set_status(Status());
  settle();
  ASSERT_TRUE(dns_sd->current().has_value());
  dns_sd->answer(Status());
  const auto announced = sim.run(loop, advertiser->wait_announced(), 60s);
  EXPECT_EQ(announced, Status::ok());
}

TEST_F(AdvertiserTest, SaysThatNobodyReachesANodeOnLoopback) {
  sim.add_address("device", "device.lo", *SocketAddress::parse("127.0.0.1:0"));
  dns_sd->set_status(Status());
  listen("127.0.0.1:4433");
  announce();
  const auto waited = sim.run(loop, advertiser->wait_announced(), 60s);
  ASSERT_TRUE(waited.has_value());
  EXPECT_EQ(waited->code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(waited->to_string(), HasSubstr("127.0.0.1:4433"));
  EXPECT_TRUE(dns_sd->publications.empty());
}

TEST_F(AdvertiserTest, EndsTheWaitOfACallThatIsCancelled) {
  dns_sd->set_status(Status());
  announce();
  std::optional<Status> result;
  CallContext call;
  TaskGroup tasks(loop);
  tasks.spawn(internal::store(advertiser->wait_announced(), result), &call);
  settle();
  EXPECT_FALSE(result.has_value());
  call.cancel();
  settle();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->code(), StatusCode::kCancelled);
}

TEST_F(AdvertiserTest, EndsTheWaitWhenItIsDestroyed) {
  dns_sd->set_status(Status());
  announce();
  std::optional<Status> result;
  TaskGroup tasks(loop);
  tasks.spawn(internal::store(advertiser->wait_announced(), result));
  settle();
  advertiser.reset();
  settle();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->code(), StatusCode::kCancelled);
}

TEST_F(AdvertiserTest, TellsTheNewNameAfterACollision) {
  std::vector<AdvertiserStatus> seen;
  AnnounceOptions options;
  options.on_change = [&](const AdvertiserStatus& status) { seen.push_back(status); };
  announce_all(std::move(options));
  dns_sd->answer(Status(StatusCode::kAlreadyExists, "taken"));
  settle();
  dns_sd->answer(Status());
  sim.run_for(11s);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), (AdvertiserStatus{State::kAnnounced, "camera #2", {}}));
  EXPECT_EQ(advertiser->status(), seen.back());
}

TEST_F(AdvertiserTest, MayBeDestroyedByItsCallback) {
  AnnounceOptions options;
  options.on_change = [this, kept = std::string(100, 'x')](const AdvertiserStatus& status) {
    if (status.state != State::kAnnounced) return;
    advertiser.reset();
    EXPECT_EQ(kept, std::string(100, 'x')) << "destroyed while it ran";
  };
  dns_sd->set_status(Status());
  listen();
  announce(std::move(options));
  dns_sd->answer(Status());
  settle();
  EXPECT_FALSE(advertiser.has_value());
  EXPECT_FALSE(dns_sd->current().has_value());
}

TEST_F(AdvertiserTest, LogsWhatItsCallbackThrows) {
  AnnounceOptions options;
  options.on_change = [](const AdvertiserStatus&) { throw std::runtime_error("no printer"); };
  announce_all(std::move(options));
  EXPECT_THAT(log, Contains(HasSubstr("no printer")));
}

TEST_F(AdvertiserTest, DoesNotFillTheLogWhenTheDaemonFlaps) {
  announce_all();
  log.clear();
  for (int round = 0; round < 600; ++round) {
    dns_sd->set_status(round % 2 == 0 ? kNoDaemon : Status());
    sim.run_for(100ms);
  }
  EXPECT_GE(log.size(), 5u);
  EXPECT_LE(log.size(), 7u);
  EXPECT_THAT(log.back(), HasSubstr("left out"));
}

TEST_F(AdvertiserTest, FollowsAnInterfaceThatComesAndGoes) {
  sim.add_address("device", "device.eth0", *SocketAddress::parse("10.0.1.1:0"));
  dns_sd->interface_number = 0;
  dns_sd->set_status(Status());
  listen();
  AnnounceOptions options;
  options.interface = "eth0";
  announce(std::move(options));
  EXPECT_EQ(advertiser->status().error.code(), StatusCode::kNotFound);
  const auto waited = sim.run(loop, advertiser->wait_announced(), 60s);
  ASSERT_TRUE(waited.has_value());
  EXPECT_EQ(waited->code(), StatusCode::kNotFound);

  for (const std::uint32_t number : {4u, 9u}) {
    dns_sd->interface_number = number;
    sim.set_address_up(*SocketAddress::parse("10.0.1.1:0"), number != 4u);
    settle();
    ASSERT_TRUE(dns_sd->current().has_value());
    EXPECT_EQ(dns_sd->current()->interface_index, number);
  }
}

}  // namespace
}  // namespace echostream::discovery
