// What a node tells of itself, and who hears when that has changed.
#include "echostream/plugin.h"

#include "tests/sim/discovered_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Announcements : public DiscoveredWorld {};

TEST_F(Announcements, SayWhereANodeListensAndByWhichCertificate) {
  Camera& camera = add_camera();
  const Announcement told = camera.node->announcement("the door");
  EXPECT_EQ(told.name, "the door");
  EXPECT_THAT(told.services, ElementsAre("lab.v1.Lab"));
  EXPECT_THAT(told.listening, ElementsAre(SocketAddress::parse("10.0.0.1:4433").value()));
  EXPECT_EQ(told.fingerprint, camera.identity.fingerprint());

  // The socket that it dials from takes nobody in.
  Node& viewer = add_viewer(Trust::pinned({camera.identity.fingerprint()}));
  EXPECT_TRUE(dial(viewer, camera.address));
  EXPECT_THAT(viewer.announcement("").listening, IsEmpty());
  EXPECT_FALSE(viewer.announcement("").fingerprint);
}

TEST_F(Announcements, WhoWatchesHearsOfEachChangeFromTheReadyQueue) {
  Loop& loop = add_loop();
  NodeOptions options;
  options.identity = Identity::self_signed("a", loop.wall_time()).value();
  Node node(loop, options);
  int heard = 0;
  auto watch = node.watch_announcement([&] { ++heard; });
  const auto hears = [&] {
    const int before = std::exchange(heard, 0);
    EXPECT_EQ(before, 0) << "called from inside of a change";
    sim_.run_for(1ms);
    return std::exchange(heard, 0);
  };
  ASSERT_TRUE(node.serve(std::make_shared<LabHandler>()).is_ok());
  EXPECT_EQ(hears(), 1);
  EXPECT_FALSE(node.serve(std::make_shared<LabHandler>()).is_ok());
  EXPECT_EQ(hears(), 0);
  ASSERT_TRUE(node.listen("10.0.0.1:0"));
  ASSERT_TRUE(node.listen("10.0.0.1:4434"));
  EXPECT_EQ(hears(), 1);
  EXPECT_EQ(node.announcement("").listening.size(), 2u);
  ASSERT_TRUE(node.set_client_trust(Trust::insecure_accept_any()).is_ok());
  EXPECT_EQ(hears(), 0);
  ASSERT_TRUE(node.set_identity(Identity::self_signed("b", loop.wall_time()).value()).is_ok());
  EXPECT_EQ(hears(), 1);

  // One that goes away while it is to be told is not called; it may do so itself.
  bool is_second_told = false;
  auto second = node.watch_announcement([&] { is_second_told = true; });
  watch.reset();
  auto third = std::make_unique<std::unique_ptr<Pending>>();
  bool is_third_told = false;
  *third = node.watch_announcement([&] {
    is_third_told = true;
    third->reset();
  });
  ASSERT_TRUE(node.listen("10.0.0.1:4435"));
  second.reset();
  sim_.run_for(1ms);
  EXPECT_EQ(heard, 0);
  EXPECT_FALSE(is_second_told);
  EXPECT_TRUE(is_third_told);
}

TEST_F(Announcements, ANodeThatShutsDownSaysSoBeforeItsSessionsEnd) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(Trust::pinned({camera.identity.fingerprint()}));
  auto session = dial(viewer, camera.address);
  ASSERT_TRUE(session) << session.status();
  sim_.run_for(1s);
  std::vector<std::size_t> sessions;
  std::vector<SocketAddress> listening = {SocketAddress()};
  const auto watch = camera.node->watch_announcement([&] {
    sessions.push_back(camera.node->sessions().size());
    listening = camera.node->announcement("").listening;
  });
  sim_.run(
      camera.node->loop(),
      [](Node& node) -> Task<bool> {
        co_await node.shutdown(0s);
        co_return true;
      }(*camera.node),
      10s);
  EXPECT_THAT(sessions, ElementsAre(1u));
  EXPECT_THAT(listening, IsEmpty());
  EXPECT_TRUE(sim_.run_until([&] { return !session->is_open(); }, 1s));
}

}  // namespace
}  // namespace echostream::testing
