#include "echostream/discovery/browser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/browser/browser_test_support.h"

namespace echostream::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

BrowseFilter for_service(const std::string& service) {
  BrowseFilter filter;
  filter.service = service;
  return filter;
}

TEST(Browser, ReportsANodeThatAppearsOnceWithAllItsAddresses) {
  World world;
  Listening listening(world, "b");
  world.sim.run_for(seconds(2));
  EXPECT_THAT(listening.taken(), IsEmpty());
  const auto publication = world.publish("a", registration("camera", text("4f2a")));
  world.sim.run_for(seconds(2));
  // Seen over IPv4 and IPv6, whose answers come one after the other.
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "*camera"));
  const auto nodes = listening.browser->nodes();
  ASSERT_THAT(nodes, SizeIs(1));
  EXPECT_EQ(nodes[0], listening.last().node);
  EXPECT_EQ(nodes[0].host, "a.local");
  EXPECT_EQ(nodes[0].node_id, "4f2a");
  EXPECT_EQ(nodes[0].protocol_version, 1u);
  EXPECT_THAT(nodes[0].services, ElementsAre("acme.v1.Camera"));
  ASSERT_THAT(nodes[0].addresses, SizeIs(2));
  EXPECT_EQ(nodes[0].addresses[0].to_string(), "10.0.0.1:4433");
  EXPECT_EQ(nodes[0].addresses[1].scope_id(), 2u);
}

TEST(Browser, ReportsWhatChanges) {
  World world;
  Listening listening(world, "b");
  const auto publication = world.publish("a", registration("camera", text("1", "door")));
  world.sim.run_for(seconds(2));
  listening.taken();
  publication->update(registration("camera", text("1", "window")));
  world.sim.run_for(milliseconds(100));
  EXPECT_THAT(listening.taken(), ElementsAre("*camera"));
  EXPECT_EQ(listening.last().node.properties[0].second, "window");
  publication->update(registration("camera", text("1", "window")));
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), IsEmpty());
}

TEST(Browser, ReportsAKilledNodeGoneWhenItsAddressHasExpired) {
  World world;
  Listening listening(world, "b");
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  listening.taken();
  world.network.stop_daemon("a");
  world.sim.run_for(seconds(119));
  EXPECT_THAT(listening.taken(), IsEmpty());
  world.sim.run_for(seconds(8));
  EXPECT_THAT(listening.taken().back(), "-camera");
  EXPECT_THAT(listening.browser->nodes(), IsEmpty());
}

TEST(Browser, SeesAKilledNodeAgainSoonAfterItIsBackThoughItsNameNeverWent) {
  World world;
  Listening listening(world, "b");
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  world.network.stop_daemon("a");
  world.sim.run_for(minutes(20));
  listening.taken();
  world.network.start_daemon("a");
  publication = world.publish("a", registration("camera", text("2")));
  world.sim.run_for(seconds(20));
  ASSERT_THAT(listening.browser->nodes(), SizeIs(1));
  EXPECT_EQ(listening.browser->nodes()[0].node_id, "2");
  EXPECT_EQ(listening.browser->nodes()[0].addresses.size(), 2u);
}

TEST(Browser, MakesOneNodeOfTwoInterfaces) {
  World world;
  Listening listening(world, "b");
  const auto wired = world.inject("camera", text("1"), "10.0.0.1:1", 2);
  const auto wireless = world.inject("camera", text("1"), "10.9.0.1:1", 3);
  world.sim.run_for(seconds(1));
  ASSERT_THAT(listening.browser->nodes(), SizeIs(1));
  EXPECT_THAT(listening.browser->nodes()[0].addresses, SizeIs(2));
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "*camera"));
}

TEST(Browser, TellsTwoNodesOfOneNameApart) {
  World world;
  Listening listening(world, "b");
  const auto one = world.inject("camera", text("1"), "10.0.0.1:1", 2);
  const auto two = world.inject("camera", text("2"), "10.9.0.1:1", 3);
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "+camera"));
  EXPECT_THAT(listening.browser->nodes(), SizeIs(2));
}

TEST(Browser, ShowsOnlyWhoServesTheService) {
  World world;
  TextRecord record = text("1");
  const auto camera = world.publish("a", registration("camera", record));
  record.services = {"acme.v1.Light"};
  const auto light = world.publish("b", registration("light", record));
  // The same subtype, another service.
  record.services = {"acme.v1.CAMERA"};
  const auto other = world.publish("c", registration("other", record));
  Listening cameras(world, "c", for_service("acme.v1.Camera"));
  world.sim.run_for(seconds(2));
  EXPECT_THAT(cameras.taken(), ElementsAre("+camera", "*camera"));
  light->update(registration("light", text("1")));
  world.sim.run_for(seconds(1));
  EXPECT_THAT(cameras.taken(), ElementsAre("+light", "*light"));
}

TEST(Browser, ShowsOnlyTheNodeOfThatName) {
  World world;
  const auto camera = world.publish("a", registration("camera", text("1")));
  const auto light = world.publish("b", registration("light", text("2")));
  BrowseFilter filter;
  filter.name = "light";
  Listening listening(world, "c", filter);
  world.sim.run_for(seconds(2));
  EXPECT_THAT(listening.taken(), ElementsAre("+light", "*light"));
  EXPECT_EQ(world.network.resolvers(), 2u);  // the others are not even asked
}

TEST(Browser, IsCompleteWhenAllThatIsThereHasBeenReported) {
  World world;
  const auto camera = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  Listening listening(world, "b");
  while (!listening.browser->is_complete()) {
    ASSERT_LT(world.sim.elapsed(), seconds(5));
    world.sim.run_for(milliseconds(10));
  }
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "*camera"));
  EXPECT_GE(world.sim.elapsed(), milliseconds(2800));
  EXPECT_LE(world.sim.elapsed(), milliseconds(3200));
}

TEST(Browser, IsCompleteThoughSomeNeverAnswer) {
  World world;
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  world.network.stop_daemon("a");
  world.sim.run_for(minutes(10));
  Browser browser(world.loop("b"), world.dns_sd("b"));
  world.sim.run_for(milliseconds(3200));
  EXPECT_TRUE(browser.is_complete());
  EXPECT_THAT(browser.nodes(), IsEmpty());
}

TEST(Browser, ReportsTheDaemonMissingOnceAndAllNodesGone) {
  World world;
  const auto publication = world.publish("a", registration("camera", text("1")));
  Listening listening(world, "b");
  world.sim.run_for(seconds(2));
  listening.taken();
  EXPECT_TRUE(listening.browser->status().is_ok());
  world.network.stop_daemon("b");
  world.sim.run_for(minutes(1));
  EXPECT_THAT(listening.taken(), ElementsAre("UNAVAILABLE", "-camera"));
  EXPECT_EQ(listening.browser->status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(listening.browser->is_complete());
  world.network.start_daemon("b");
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "*camera"));
  EXPECT_TRUE(listening.browser->status().is_ok());
  world.network.stop_daemon("b");
  world.network.start_daemon("b");
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("UNAVAILABLE", "-camera", "+camera", "*camera"));
}

TEST(Browser, SaysAtOnceThatThereIsNoDaemonAndFindsItLater) {
  World world;
  world.network.stop_daemon("b");
  const auto publication = world.publish("a", registration("camera", text("1")));
  Listening listening(world, "b");
  world.sim.run_for(milliseconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("UNAVAILABLE"));
  world.sim.run_for(minutes(10));
  EXPECT_THAT(listening.taken(), IsEmpty());
  world.network.start_daemon("b");
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("+camera", "*camera"));
}

TEST(Browser, MakesOneEventOfANodeThatFlapsWhileNobodyLooks) {
  World world;
  Browser browser(world.loop("b"), world.dns_sd("b"));
  std::unique_ptr<Pending> flapping;
  for (int i = 0; i < 100; ++i) {
    flapping = world.inject("camera", text("1", std::to_string(i)));
    world.sim.run_for(milliseconds(200));
    flapping.reset();
    world.sim.run_for(milliseconds(200));
  }
  flapping = world.inject("camera", text("1", "last"));
  world.sim.run_for(milliseconds(200));
  const auto first = world.sim.run(world.loop("b"), browser.next(), seconds(1));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->kind, NodeEvent::Kind::kAppeared);
  EXPECT_EQ((*first)->node.properties[0].second, "last");
  EXPECT_FALSE(world.sim.run(world.loop("b"), browser.next(), seconds(10)));
}

TEST(Browser, KeepsNamesAndTextsAsTheBytesTheyAre) {
  World world;
  Listening listening(world, "b");
  const std::string name("e\0vil\x1b[31m\n\xFF\\.\xC3", 14);
  const auto evil = world.network.inject(
      {name, kServiceType, "local", 2, SocketAddress::Family::kIpv4},
      {"host\n.local", SocketAddress::parse("10.0.0.9:1").value(), {"=", "", "k=\xFF\n", "k=2"}});
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.taken(), ElementsAre("+" + name));
  EXPECT_EQ(listening.last().node.name, name);
  EXPECT_EQ(listening.last().node.host, "host\n.local");
  EXPECT_THAT(listening.last().node.properties,
              ElementsAre(::testing::Pair(std::string("k"), std::string("\xFF\n"))));
}

TEST(Browser, ReadsNoMoreThan64StringsOfAText) {
  World world;
  Listening listening(world, "b");
  std::vector<std::string> strings;
  for (int i = 0; i < 150; ++i) strings.push_back("k" + std::to_string(i) + "=" + "x");
  const auto evil =
      world.network.inject({"evil", kServiceType, "local", 2, SocketAddress::Family::kIpv4},
                           {"evil.local", SocketAddress::parse("10.0.0.9:1").value(), strings});
  world.sim.run_for(seconds(1));
  EXPECT_THAT(listening.last().node.properties, SizeIs(64));
}

TEST(Browser, IgnoresAndCountsWhatMakesNoSense) {
  World world;
  Listening listening(world, "b");
  std::vector<std::unique_ptr<Pending>> all;
  for (const char* address :
       {"10.0.0.9:0", "0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1", "127.0.0.1:1"}) {
    all.push_back(world.inject(address, text("1"), address));
  }
  all.push_back(world.inject(std::string(64, 'x'), text("1")));
  all.push_back(world.inject("", text("1")));
  world.sim.run_for(seconds(100));
  EXPECT_THAT(listening.taken(), IsEmpty());
  EXPECT_EQ(listening.browser->stats().ignored, 7u);
}

TEST(Browser, ShowsANodeGoneThatMakesSenseNoMore) {
  World world;
  Listening listening(world, "b");
  const auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  listening.taken();
  Registration broken = registration("camera", text("1"));
  broken.port = 0;
  publication->update(broken);
  world.sim.run_for(milliseconds(100));
  EXPECT_THAT(listening.taken().back(), "-camera");
  publication->update(registration("camera", text("1")));
  world.sim.run_for(milliseconds(100));
  EXPECT_THAT(listening.taken().front(), "+camera");
}

TEST(Find, GivesTheFirstThatFits) {
  World world;
  const auto publication = world.publish("a", registration("camera", text("1")));
  const auto found = world.sim.run(
      world.loop("b"),
      find(world.loop("b"), world.dns_sd("b"), for_service("acme.v1.Camera"), seconds(5)),
      seconds(6));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, "camera");
  EXPECT_LE(world.sim.elapsed(), milliseconds(1300));
  EXPECT_EQ(world.network.browsers() + world.network.resolvers(), 0u);
}

TEST(Find, SaysWhatItHasNotFoundWhenTheTimeIsOver) {
  World world;
  BrowseFilter filter = for_service("acme.v1.Camera");
  filter.name = "x\n";
  filter.properties = {{"room", "door"}};
  const auto found = world.sim.run(
      world.loop("b"), find(world.loop("b"), world.dns_sd("b"), filter, milliseconds(1500)),
      seconds(6));
  ASSERT_TRUE(found && !*found);
  EXPECT_EQ(found->error().to_string(),
            "NOT_FOUND: no node of the name \"x\\x0a\" that serves acme.v1.Camera with room=door "
            "was found on the local network within 1500 ms");
  EXPECT_EQ(world.sim.elapsed(), milliseconds(1500));
}

TEST(Find, FailsAtOnceWithoutADaemon) {
  World world;
  world.network.stop_daemon("b");
  const auto found = world.sim.run(
      world.loop("b"), find(world.loop("b"), world.dns_sd("b"), {}, seconds(5)), seconds(6));
  ASSERT_TRUE(found && !*found);
  EXPECT_EQ(found->error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(found->error().message()), HasSubstr("is not running"));
  EXPECT_LE(world.sim.elapsed(), milliseconds(10));
}

TEST(Find, EndsWithTheCallThatItWorksFor) {
  World world;
  CallContext call;
  std::optional<Result<DiscoveredNode>> found;
  TaskGroup group(world.loop("b"));
  group.spawn(internal::store(find(world.loop("b"), world.dns_sd("b"), {}, seconds(60)), found),
              &call);
  world.sim.run_for(seconds(1));
  EXPECT_FALSE(found);
  call.cancel();
  world.sim.run_for(milliseconds(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->error().code(), StatusCode::kCancelled);
  EXPECT_EQ(world.network.browsers(), 0u);
}

TEST(Browser, EndsNextWithTheCallThatItWorksForAndLosesNothing) {
  World world;
  Browser browser(world.loop("b"), world.dns_sd("b"));
  CallContext call;
  std::optional<Result<NodeEvent>> event;
  TaskGroup group(world.loop("b"));
  group.spawn(internal::store(browser.next(), event), &call);
  world.sim.run_for(seconds(1));
  call.cancel();
  world.sim.run_for(milliseconds(1));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->error().code(), StatusCode::kCancelled);
  const auto node = world.inject("camera", text("1"));
  world.sim.run_for(seconds(1));
  // Of a call that is cancelled, at once, although there is something to say.
  event.reset();
  group.spawn(internal::store(browser.next(), event), &call);
  world.sim.run_for(milliseconds(1));
  EXPECT_EQ(event->error().code(), StatusCode::kCancelled);
  const auto next = world.sim.run(world.loop("b"), browser.next(), seconds(1));
  EXPECT_TRUE(next && *next);
}

TEST(Browser, EndsNextWhenItIsDestroyed) {
  World world;
  auto browser = std::make_unique<Browser>(world.loop("b"), world.dns_sd("b"));
  std::optional<Result<NodeEvent>> waiting;
  TaskGroup group(world.loop("b"));
  group.spawn(internal::store(browser->next(), waiting));
  auto not_begun = browser->next();
  world.sim.run_for(seconds(1));
  browser.reset();
  EXPECT_EQ(world.network.browsers(), 0u);
  world.sim.run_for(milliseconds(1));
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->error().code(), StatusCode::kCancelled);
  const auto late = world.sim.run(world.loop("b"), std::move(not_begun), seconds(1));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->error().code(), StatusCode::kCancelled);
}

TEST(Browser, MayBeDroppedAtAnyMoment) {
  for (int ms = 0; ms < 1500; ms += 7) {
    World world(static_cast<std::uint64_t>(ms));
    auto publication = world.publish("a", registration("camera", text("1")));
    auto browser = std::make_unique<Browser>(world.loop("b"), world.dns_sd("b"));
    std::optional<Result<NodeEvent>> event;
    std::optional<Result<DiscoveredNode>> found;
    auto group = std::make_unique<TaskGroup>(world.loop("b"));
    group->spawn(internal::store(browser->next(), event));
    BrowseFilter filter;
    filter.name = "nobody";
    group->spawn(
        internal::store(find(world.loop("b"), world.dns_sd("b"), filter, seconds(9)), found));
    world.sim.run_for(milliseconds(ms));
    if (ms % 2 == 0) world.network.stop_daemon("b");
    if (ms % 3 == 0) group.reset();
    browser.reset();
    group.reset();
    EXPECT_EQ(world.network.browsers() + world.network.resolvers(), 0u);
    world.sim.run_for(seconds(1));
  }
}

TEST(Browser, MayBeDestroyedByWhoeverReadsIt) {
  World world;
  const auto publication = world.publish("a", registration("camera", text("1")));
  auto browser = std::make_unique<Browser>(world.loop("b"), world.dns_sd("b"));
  const auto read = [](std::unique_ptr<Browser>& mine) -> Task<StatusCode> {
    const auto first = co_await mine->next();
    mine.reset();
    co_return first.status().code();
  };
  const auto code = world.sim.run(world.loop("b"), read(browser), seconds(5));
  EXPECT_EQ(code, StatusCode::kOk);
  EXPECT_EQ(world.network.resolvers(), 0u);
}

}  // namespace
}  // namespace echostream::discovery
