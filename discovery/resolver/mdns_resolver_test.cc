// Whole nodes that find each other, on virtual time.
#include "echostream/discovery/mdns_resolver.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "echostream/discovery/browser.h"

#include "discovery/resolver/neighbourhood_test_support.h"

namespace echostream::discovery::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

class MdnsResolver : public ::testing::Test, public Neighbourhood {};

TEST_F(MdnsResolver, FindsWhoeverServesTheService) {
  Machine& camera = add_server("camera", "camera at the door");
  Machine& client = add_client(pinned(camera));
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_EQ(camera.handler->calls, 1);
}

TEST(MdnsResolverRandom, FindsAServiceWithinTwoSecondsOfItsAnnouncement) {
  std::vector<Duration> times;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Neighbourhood world(seed);
    Machine& camera = world.add_machine("camera");
    Machine& client = world.add_client(world.pinned(camera));
    const Duration before = world.sim.elapsed();
    world.serve(camera, "camera");
    EXPECT_EQ(world.call(client, kByService), Status::ok()) << "seed " << seed;
    times.push_back(world.sim.elapsed() - before);
  }
  std::sort(times.begin(), times.end());
  EXPECT_LT(times.back(), 2s);
  ::testing::Test::RecordProperty(
      "median_ms",
      static_cast<int>(
          std::chrono::duration_cast<std::chrono::milliseconds>(times[times.size() / 2]).count()));
}

TEST_F(MdnsResolver, FindsANodeByItsName) {
  Machine& door = add_server("door", "camera at the door");
  Machine& garage = add_server("garage", "garage.local");
  Machine& client =
      add_client(Trust::pinned({door.identity->fingerprint(), garage.identity->fingerprint()}));
  EXPECT_EQ(call(client, "echostream+mdns:camera at the door"), Status::ok());
  EXPECT_EQ(door.handler->calls, 1);
  EXPECT_EQ(call(client, "echostream+mdns:\"garage.local\""), Status::ok());
  EXPECT_EQ(garage.handler->calls, 1);
}

TEST_F(MdnsResolver, FindsANodeThatIsAnnouncedWhileItIsLookedFor) {
  Machine& camera = add_machine("camera");
  Machine& client = add_client(pinned(camera));
  TaskGroup tasks(*client.loop);
  std::optional<Result<Session>> session;
  tasks.spawn(internal::store(client.node->connect(kByService), session));
  sim.run_for(4s);
  EXPECT_FALSE(session.has_value());
  serve(camera, "camera");
  EXPECT_TRUE(sim.run_until([&] { return session.has_value(); }, 2s));
  EXPECT_TRUE(session->has_value()) << session->status();
}

TEST_F(MdnsResolver, FindsAServiceThatIsServedLater) {
  Machine& camera = add_machine("camera");
  NodeOptions options;
  options.identity = camera.identity;
  camera.node = std::make_unique<Node>(*camera.loop, std::move(options));
  ASSERT_TRUE(camera.node->listen("10.0.0.1:4433"));
  auto announced = announce(*camera.node, camera.dns_sd);
  ASSERT_TRUE(announced) << announced.status();
  camera.advertiser.emplace(*std::move(announced));
  sim.run_for(5s);
  ASSERT_TRUE(camera.node->serve(camera.handler).is_ok());
  Machine& client = add_client(pinned(camera));
  EXPECT_EQ(call(client, kByService), Status::ok());
}

TEST_F(MdnsResolver, FindsTwoNodesThatWantedOneName) {
  Machine& one = add_server("one", "camera");
  Machine& other = add_server("other", "camera");
  sim.run_for(5s);
  EXPECT_THAT(
      (std::vector<std::string>{one.advertiser->status().name, other.advertiser->status().name}),
      ::testing::UnorderedElementsAre("camera", "camera #2"));
  Machine& client =
      add_client(Trust::pinned({one.identity->fingerprint(), other.identity->fingerprint()}));
  EXPECT_EQ(call(client, "echostream+mdns:camera"), Status::ok());
  EXPECT_EQ(call(client, "echostream+mdns:camera #2"), Status::ok());
  EXPECT_EQ(one.handler->calls, 1);
  EXPECT_EQ(other.handler->calls, 1);
}

TEST_F(MdnsResolver, FindsTheRightOneAmongManyThatAreMadeUp) {
  std::vector<std::unique_ptr<Pending>> made_up;
  for (int i = 0; i < 200; ++i) {
    made_up.push_back(inject("a" + std::to_string(i), "10.0.9." + std::to_string(i),
                             {"v=1", "id=" + std::to_string(i), "svc=lab.v1.Lab"}));
  }
  Machine& camera = add_server("camera", "zebra");
  Machine& client = add_client(pinned(camera));
  const Duration before = sim.elapsed();
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_LT(sim.elapsed() - before, 5s);
}

TEST_F(MdnsResolver, ForgetsANodeASecondAfterItsGoodbye) {
  Machine& camera = add_server("camera", "camera");
  Machine& client = add_client(pinned(camera));
  Browser browser(*client.loop, client.dns_sd);
  sim.run_for(5s);
  ASSERT_EQ(browser.nodes().size(), 1u);
  TaskGroup tasks(*camera.loop);
  tasks.spawn(camera.node->shutdown(1s));
  EXPECT_TRUE(sim.run_until([&] { return browser.nodes().empty(); }, 1100ms));
  EXPECT_THAT(connect(client, kByService).status().to_string(), HasSubstr("nobody"));
}

TEST_F(MdnsResolver, SaysThatNobodyAnsweredWhenTheTimeIsUp) {
  Machine& client = add_client(Trust::insecure_accept_any());
  const Duration before = sim.elapsed();
  const auto session = connect(client, "echostream+mdns:camera");
  EXPECT_THAT(session.status().to_string(),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("nobody"), HasSubstr("camera")));
  EXPECT_GE(sim.elapsed() - before, 9s);
  EXPECT_EQ(dns.browsers(), 0u);
}

TEST_F(MdnsResolver, IsUnavailableAtOnceWithoutADaemon) {
  Machine& client = add_client(Trust::insecure_accept_any());
  dns.stop_daemon(client.host);
  sim.run_for(1s);
  const Duration before = sim.elapsed();
  EXPECT_EQ(connect(client, kByService).status().code(), StatusCode::kUnavailable);
  EXPECT_LT(sim.elapsed() - before, 100ms);
}

TEST_F(MdnsResolver, LeavesTheNetworkAloneWhenItsCallerDoes) {
  Machine& client = add_client(Trust::insecure_accept_any());
  {
    TaskGroup tasks(*client.loop);
    std::optional<Result<Session>> session;
    tasks.spawn(internal::store(client.node->connect(kByService), session));
    sim.run_for(500ms);
    EXPECT_EQ(dns.browsers(), 1u);
  }
  sim.run_for(1s);
  EXPECT_EQ(dns.browsers(), 0u);
  EXPECT_EQ(dns.resolvers(), 0u);
}

TEST_F(MdnsResolver, RefusesTargetsThatAreNone) {
  Machine& client = add_client(Trust::insecure_accept_any());
  EXPECT_EQ(connect(client, "echostream+mdns:").status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(client.node->keep_connected("echostream+mdns:\"x").status().to_string(),
              HasSubstr("has no quote at its end"));
}

TEST_F(MdnsResolver, SaysWhoSpeaksOnlyALaterVersion) {
  Machine& client = add_client(Trust::insecure_accept_any());
  const auto injected = inject("camera", "10.0.0.9", {"v=2", "svc=lab.v1.Lab"});
  const Duration before = sim.elapsed();
  EXPECT_THAT(connect(client, "echostream+mdns:camera").status().to_string(),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("'camera' speaks version 2")));
  EXPECT_LT(sim.elapsed() - before, 5s);
}

// ---- Staying connected.

TEST_F(MdnsResolver, FollowsAServerThatComesBackOnAnotherPort) {
  Machine& camera = add_server("camera", "camera");
  Machine& client = add_client(pinned(camera));
  auto kept = client.node->keep_connected(kByService);
  ASSERT_TRUE(kept) << kept.status();
  ASSERT_TRUE(sim.run_until([&] { return kept->state() == ConnectionState::kConnected; }, 5s));
  sim.run_for(20s);

  TaskGroup tasks(*camera.loop);
  tasks.spawn(camera.node->shutdown(100ms));
  sim.run_for(200ms);
  stop(camera);
  serve(camera, "camera", 5544);
  EXPECT_TRUE(sim.run_until([&] { return kept->state() == ConnectionState::kConnected; }, 3s));
  EXPECT_EQ(kept->status().sessions, 2u);
}

TEST_F(MdnsResolver, FindsANodeWhoseDaemonWasRestarted) {
  Machine& camera = add_server("camera", "camera");
  sim.run_for(5s);
  dns.stop_daemon("camera");
  sim.run_for(5s);
  dns.start_daemon("camera");
  Machine& client = add_client(pinned(camera));
  const Duration before = sim.elapsed();
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_LT(sim.elapsed() - before, 3s);
}

TEST_F(MdnsResolver, GoesOnWhenItsOwnDaemonIsBack) {
  Machine& camera = add_server("camera", "camera");
  Machine& client = add_client(pinned(camera));
  dns.stop_daemon(client.host);
  auto kept = client.node->keep_connected(kByService);
  ASSERT_TRUE(kept) << kept.status();
  sim.run_for(20s);
  EXPECT_EQ(kept->status().sessions, 0u);
  EXPECT_EQ(kept->status().last_error.code(), StatusCode::kUnavailable);
  dns.start_daemon(client.host);
  EXPECT_TRUE(sim.run_until([&] { return kept->state() == ConnectionState::kConnected; }, 35s));
}

TEST_F(MdnsResolver, IsNotEndedForGoodByAnImpostor) {
  Machine& impostor = add_server("impostor", "camera");
  Machine& camera = add_machine("camera");
  Machine& client = add_client(pinned(camera));
  auto kept = client.node->keep_connected(kByService);
  ASSERT_TRUE(kept) << kept.status();
  sim.run_for(20s);
  EXPECT_EQ(kept->status().sessions, 0u);
  EXPECT_EQ(impostor.handler->calls, 0);
  serve(camera, "camera");
  EXPECT_TRUE(sim.run_until([&] { return kept->state() == ConnectionState::kConnected; }, 30s));
}

}  // namespace
}  // namespace echostream::discovery::testing
