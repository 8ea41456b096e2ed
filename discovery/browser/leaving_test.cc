// Nodes that go and say so, and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "echostream/discovery/browser.h"

#include "discovery/browser/browser_test_support.h"

namespace echostream::discovery {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Browser, ReportsANodeThatLeavesGoneAtOnceAndOnce) {
  World world;
  Listening listening(world, "b");
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  listening.taken();
  publication.reset();
  world.sim.run_for(milliseconds(300));
  EXPECT_THAT(listening.taken().back(), "-camera");
  EXPECT_THAT(listening.browser->nodes(), IsEmpty());
  world.sim.run_for(seconds(5));
  EXPECT_THAT(listening.taken(), IsEmpty());
  EXPECT_EQ(world.network.resolvers(), 0u);
}

TEST(Browser, ReportsANodeGoneThatSaysNothingButGoodbyeASecondLater) {
  World world;
  Listening listening(world, "b");
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  listening.taken();
  world.network.stop_daemon("a", true);
  // The second that RFC 6762 10.1 keeps what has said goodbye, and the way here.
  world.sim.run_for(milliseconds(1010));
  EXPECT_THAT(listening.taken().back(), "-camera");
  EXPECT_THAT(listening.browser->nodes(), IsEmpty());
}

TEST(Browser, SeesANodeThatLeavesAndComesBackAsSoonAsItsNameIsItsOwnAgain) {
  World world;
  Listening listening(world, "b");
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  // Before its goodbye takes effect, while that does, and after.
  for (const int pause : {0, 100, 261, 1000, 1500, 5000}) {
    listening.taken();
    publication.reset();
    world.sim.run_for(milliseconds(pause));
    publication = world.publish("a", registration("camera", text("2")));
    world.sim.run_for(milliseconds(400));
    EXPECT_THAT(listening.browser->nodes(), IsEmpty()) << pause;
    // Probing takes up to a second, and asking 120 ms.
    world.sim.run_for(milliseconds(800));
    ASSERT_THAT(listening.browser->nodes(), SizeIs(1)) << pause;
    EXPECT_EQ(listening.browser->nodes()[0].node_id, "2");
    EXPECT_THAT(listening.browser->nodes()[0].addresses, SizeIs(2)) << pause;
    world.sim.run_for(seconds(5));
    EXPECT_THAT(listening.browser->nodes(), SizeIs(1)) << pause;
  }
}

TEST(Browser, SeesEachOfManyLeavings) {
  World world;
  Listening listening(world, "b");
  for (int i = 0; i < 100; ++i) {
    auto publication = world.publish("a", registration("camera", text(std::to_string(i))));
    world.sim.run_for(milliseconds(1200));
    EXPECT_EQ(listening.taken().front(), "+camera") << i;
    publication.reset();
    world.sim.run_for(milliseconds(50));
    EXPECT_EQ(listening.taken().back(), "-camera") << i;
    ASSERT_LE(world.network.resolvers(), 2u);
  }
  world.sim.run_for(seconds(5));
  EXPECT_THAT(listening.taken(), IsEmpty());
  EXPECT_EQ(world.network.resolvers(), 0u);
}

TEST(Browser, DoesNotShowANodeThatIsLeavingWhenItBegins) {
  World world;
  auto publication = world.publish("a", registration("camera", text("1")));
  world.sim.run_for(seconds(2));
  publication.reset();
  world.sim.run_for(milliseconds(10));
  Listening listening(world, "b");
  world.sim.run_for(seconds(5));
  EXPECT_THAT(listening.taken(), IsEmpty());
  EXPECT_TRUE(listening.browser->is_complete());
  EXPECT_EQ(listening.browser->stats().ignored, 0u);
}

}  // namespace
}  // namespace echostream::discovery
