// Neighbours that flap, invent and never answer: what a browser holds stays bounded, and who was
// there first stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "echostream/discovery/browser.h"

#include "discovery/browser/browser_test_support.h"
#include "discovery/browser/instance_table.h"

namespace echostream::discovery {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::size_t count_named(const std::vector<DiscoveredNode>& nodes, const std::string& name) {
  return static_cast<std::size_t>(std::count_if(
      nodes.begin(), nodes.end(), [&](const DiscoveredNode& node) { return node.name == name; }));
}

// Counts how often the network is browsed.
class CountingDnsSd final : public DnsSd {
 public:
  explicit CountingDnsSd(std::shared_ptr<DnsSd> inner) : inner_(std::move(inner)) {}
  std::unique_ptr<Pending> watch_status(StatusCallback callback) override {
    return inner_->watch_status(std::move(callback));
  }
  std::unique_ptr<Publication> publish(Registration what, StatusCallback callback) override {
    return inner_->publish(std::move(what), std::move(callback));
  }
  std::unique_ptr<Pending> browse(std::string type, BrowseCallback callback) override {
    ++browsed;
    return inner_->browse(std::move(type), std::move(callback));
  }
  std::unique_ptr<Pending> resolve(const Instance& instance, ResolveCallback callback) override {
    return inner_->resolve(instance, std::move(callback));
  }

  int browsed = 0;

 private:
  std::shared_ptr<DnsSd> inner_;
};

// Comes or goes ten times a second, for a day. Some answers come while it is there, and some do
// not.
TEST(BrowserFlood, LetsANodeFlapForADayWithoutGrowing) {
  World world(1, {"a"});
  Browser browser(world.loop("a"), world.dns_sd("a"));
  const auto steady = world.publish("a", registration("steady", text("1")));
  world.sim.run_for(seconds(2));
  const Instance flapping{"flapping", kServiceType, "local", 2, SocketAddress::Family::kIpv4};
  const ResolvedInstance says{"f.local", SocketAddress::ipv4({10, 0, 0, 9}, 1), {"id=1"}};
  std::size_t seen = 0;
  for (int i = 0; i < 24 * 3600 * 5; ++i) {
    auto there = world.network.inject(flapping, says);
    world.sim.run_for(milliseconds(100));
    if (i % 1000 == 0) seen += browser.nodes().size() - 1;
    there.reset();
    world.sim.run_for(milliseconds(100));
    ASSERT_EQ(world.network.resolvers(), 2u);  // the steady one's
    ASSERT_EQ(world.network.browsers(), 1u);
  }
  EXPECT_GT(seen, 100u);
  EXPECT_EQ(browser.nodes().size(), 1u);
  const auto first = world.sim.run(world.loop("a"), browser.next(), seconds(1));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->node.name, "steady");
  EXPECT_FALSE(world.sim.run(world.loop("a"), browser.next(), seconds(1)));
}

TEST(BrowserFlood, LetsANodeFlapForAnHourBeforeAReader) {
  World world;
  Listening listening(world, "b");
  std::size_t events = 0;
  for (int i = 0; i < 3600 * 5; ++i) {
    auto there = world.inject("flapping", text("1"));
    world.sim.run_for(milliseconds(100));
    there.reset();
    world.sim.run_for(milliseconds(100));
    ASSERT_EQ(world.network.resolvers(), 0u);
    events += listening.taken().size();
  }
  EXPECT_GT(events, 10'000u);
  EXPECT_EQ(events % 2, 0u);
}

TEST(BrowserFlood, LetsADaemonFlapForADayWithoutGrowing) {
  World world;
  Listening read(world, "b");
  const auto steady = world.publish("a", registration("steady", text("1")));
  for (int i = 0; i < 24 * 60; ++i) {
    world.network.stop_daemon("b");
    world.sim.run_for(seconds(30));
    world.network.start_daemon("b");
    world.sim.run_for(seconds(30));
    ASSERT_EQ(world.network.browsers(), 1u);
    ASSERT_LE(world.network.resolvers(), 2u);
    ASSERT_LE(read.taken().size(), 5u);
  }
  EXPECT_THAT(read.browser->nodes(), SizeIs(1));
}

TEST(BrowserFlood, KeepsThoseThatWereThereBeforeTenThousandFakes) {
  World world;
  Listening listening(world, "b");
  const auto first = world.publish("a", registration("first", text("1")));
  world.sim.run_for(seconds(2));
  std::vector<std::unique_ptr<Pending>> fakes;
  for (int i = 0; i < 10'000; ++i) {
    fakes.push_back(world.inject("fake " + std::to_string(i), text(std::to_string(i))));
  }
  std::size_t most = 0;
  for (int i = 0; i < 600; ++i) {
    world.sim.run_for(milliseconds(100));
    most = std::max(most, world.network.resolvers());
  }
  EXPECT_LE(most, kMostResolvers);
  EXPECT_THAT(listening.browser->nodes(), SizeIs(256));
  EXPECT_EQ(count_named(listening.browser->nodes(), "first"), 1u);
  EXPECT_GE(listening.browser->stats().ignored, 10'000u - 256u);
  EXPECT_TRUE(listening.browser->is_complete());

  // One that comes now is seen when there is room.
  const auto late = world.publish("c", registration("late", text("1")));
  world.sim.run_for(seconds(10));
  EXPECT_EQ(count_named(listening.browser->nodes(), "late"), 0u);
  fakes.clear();
  world.sim.run_for(minutes(1));
  EXPECT_THAT(listening.browser->nodes(), SizeIs(2));
  EXPECT_EQ(count_named(listening.browser->nodes(), "late"), 1u);
  EXPECT_EQ(world.network.resolvers(), 4u);
}

TEST(BrowserFlood, LetsThoseThatWereIgnoredComeInWhenRoomFreesUp) {
  World world;
  Browser browser(world.loop("b"), world.dns_sd("b"));
  std::vector<std::unique_ptr<Pending>> fakes;
  for (int i = 0; i < 3000; ++i) {
    fakes.push_back(world.inject("fake " + std::to_string(i), text(std::to_string(i))));
  }
  world.sim.run_for(minutes(1));
  EXPECT_THAT(browser.nodes(), SizeIs(256));
  fakes.erase(fakes.begin(), fakes.begin() + 2900);
  world.sim.run_for(minutes(2));
  EXPECT_THAT(browser.nodes(), SizeIs(100));
}

TEST(BrowserFlood, LooksForThoseItHadNoRoomForUntilItHasSeenThemAll) {
  World world;
  const auto dns_sd = std::make_shared<CountingDnsSd>(world.dns_sd("b"));
  Browser browser(world.loop("b"), dns_sd);
  std::vector<std::unique_ptr<Pending>> fakes;
  for (int i = 0; i < 3000; ++i) {
    fakes.push_back(world.inject("fake " + std::to_string(i), text(std::to_string(i))));
  }
  world.sim.run_for(minutes(1));
  fakes.erase(fakes.begin(), fakes.begin() + 2900);
  world.sim.run_for(minutes(2));
  EXPECT_THAT(browser.nodes(), SizeIs(100));
  const int until_then = dns_sd->browsed;
  EXPECT_GT(until_then, 1);
  world.sim.run_for(minutes(10));
  EXPECT_EQ(dns_sd->browsed, until_then);
}

TEST(BrowserFlood, FindsANodeByNameAmongTenThousandFakesAtOnce) {
  World world;
  const auto camera = world.publish("a", registration("camera", text("1")));
  std::vector<std::unique_ptr<Pending>> fakes;
  for (int i = 0; i < 10'000; ++i) {
    fakes.push_back(world.inject("fake " + std::to_string(i), text(std::to_string(i))));
  }
  world.sim.run_for(seconds(2));
  BrowseFilter filter;
  filter.name = "camera";
  const auto found = world.sim.run(
      world.loop("b"), find(world.loop("b"), world.dns_sd("b"), filter, seconds(5)), seconds(5));
  EXPECT_TRUE(found && *found);
  EXPECT_LE(world.sim.elapsed(), milliseconds(2300));
}

// Names that resolve to nothing: those of killed nodes, which stay listed for 75 minutes.
TEST(BrowserFlood, SeesANewNodeSoonAmongHundredsThatNeverAnswer) {
  World world;
  std::vector<std::unique_ptr<Publication>> dead;
  for (int i = 0; i < 400; ++i) {
    dead.push_back(
        world.publish("c", registration("dead " + std::to_string(i), text(std::to_string(i)))));
  }
  world.sim.run_for(seconds(2));
  world.network.stop_daemon("c");
  world.sim.run_for(minutes(5));
  Browser browser(world.loop("b"), world.dns_sd("b"));
  std::size_t most = 0;
  for (int i = 0; i < 3000; ++i) {
    world.sim.run_for(milliseconds(100));
    most = std::max(most, world.network.resolvers());
  }
  EXPECT_LE(most, kMostAsking);
  EXPECT_THAT(browser.nodes(), IsEmpty());
  const auto camera = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(milliseconds(1300));
  EXPECT_THAT(browser.nodes(), SizeIs(1));
}

TEST(BrowserFlood, StaysWithinItsBoundsWhateverComes) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    World world(seed);
    std::mt19937_64 random(seed);
    Listening read(world, "a");
    Browser unread(world.loop("b"), world.dns_sd("b"));
    BrowseFilter filter;
    filter.properties = {{"room", "1"}};
    Browser filtered(world.loop("b"), world.dns_sd("b"), filter);
    std::map<int, std::unique_ptr<Pending>> there;
    for (int step = 0; step < 100; ++step) {
      for (int i = 0; i < 20; ++i) {
        const int number = static_cast<int>(random() % 700);
        if (random() % 3 == 0) {
          there.erase(number);
        } else {
          const std::string address =
              "10.0.0.9:" + std::to_string(random() % 3);  // port 0 makes no sense
          there[number] =
              world.inject("n" + std::to_string(number % 500),
                           text(std::to_string(random() % 2), std::to_string(random() % 2)),
                           address, 2 + static_cast<std::uint32_t>(random() % 3));
        }
      }
      if (random() % 50 == 0) world.network.stop_daemon("b");
      if (random() % 5 == 0) world.network.start_daemon("b");
      world.sim.run_for(milliseconds(static_cast<int>(random() % 300)));
      for (Browser* browser : {&*read.browser, &unread, &filtered}) {
        const auto nodes = browser->nodes();
        ASSERT_LE(nodes.size(), 256u);
        for (const DiscoveredNode& node : nodes) ASSERT_LE(node.addresses.size(), 16u);
      }
      ASSERT_LE(world.network.resolvers(), 3 * kMostResolvers);
    }
    there.clear();
    world.network.start_daemon("b");
    world.sim.run_for(minutes(2));
    EXPECT_THAT(read.browser->nodes(), IsEmpty());
    EXPECT_THAT(unread.nodes(), IsEmpty());
    EXPECT_THAT(filtered.nodes(), IsEmpty());
    EXPECT_EQ(world.network.resolvers(), 0u);
    // Whoever came has gone.
    std::map<std::string, int> there_by_events;
    for (const std::string& event : read.taken()) {
      if (event[0] == '+') ++there_by_events[event.substr(1)];
      if (event[0] == '-') --there_by_events[event.substr(1)];
    }
    for (const auto& [name, count] : there_by_events) EXPECT_EQ(count, 0) << name;
  }
}

}  // namespace
}  // namespace echostream::discovery
