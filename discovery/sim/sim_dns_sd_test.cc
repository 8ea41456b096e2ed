#include "echostream/discovery/sim_dns_sd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "discovery/records/names.h"

namespace echostream::discovery::testing {
namespace {

using echostream::testing::Simulation;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Family = SocketAddress::Family;

Registration camera(const std::string& name = "camera") {
  Registration registration;
  registration.name = name;
  registration.subtypes = {subtype_label("acme.v1.Camera")};
  registration.port = 4433;
  registration.txt = {"v=1", "room=1"};
  return registration;
}

struct Published {
  Published(DnsSd& dns_sd, Registration registration)
      : handle(dns_sd.publish(std::move(registration),
                              [this](const Status& status) { states.push_back(status.code()); })) {}
  std::vector<StatusCode> states;
  std::unique_ptr<Publication> handle;
};

// What a browse has said: "+camera/4" (over IPv4), "-camera/6", "all", "UNAVAILABLE".
struct Browsed {
  explicit Browsed(DnsSd& dns_sd, const std::string& type = kServiceType)
      : handle(dns_sd.browse(type, [this](Result<InstanceEvent> event) { take(event); })) {}
  void take(const Result<InstanceEvent>& event) {
    if (!event) return events.emplace_back(to_string(event.error().code())), void();
    if (event->kind == InstanceEvent::Kind::kAllForNow) return events.emplace_back("all"), void();
    const Instance& instance = event->instance;
    last = instance;
    events.push_back((event->kind == InstanceEvent::Kind::kAppeared ? "+" : "-") + instance.name +
                     (instance.family == Family::kIpv4 ? "/4" : "/6"));
  }
  std::vector<std::string> taken() { return std::exchange(events, {}); }
  std::vector<std::string> events;
  Instance last;
  std::unique_ptr<Pending> handle;
};

struct Resolved {
  Resolved(DnsSd& dns_sd, const Instance& instance)
      : handle(dns_sd.resolve(instance, [this](Result<ResolvedInstance> answer) {
          if (answer) answers.push_back(*answer);
          if (!answer) end = answer.error().code();
        })) {}
  std::vector<ResolvedInstance> answers;
  StatusCode end = StatusCode::kOk;
  std::unique_ptr<Pending> handle;
};

Instance instance(const std::string& name, Family family = Family::kIpv4) {
  return {name, kServiceType, "local", 2, family};
}

struct World {
  explicit World(std::uint64_t seed = 1) : sim(seed), network(sim) {
    a = network.daemon(sim.add_node("a", SocketAddress::ipv4({10, 0, 0, 1}, 0)), "a");
    b = network.daemon(sim.add_node("b", SocketAddress::ipv4({10, 0, 0, 2}, 0)), "b");
  }
  Simulation sim;
  SimDnsNetwork network;
  std::shared_ptr<DnsSd> a;
  std::shared_ptr<DnsSd> b;
};

TEST(SimDnsNetwork, ShowsWhatIsPublishedOverBothIpVersions) {
  World world;
  Browsed browsed(*world.b);
  world.sim.run_for(milliseconds(1100));
  EXPECT_THAT(browsed.taken(), ElementsAre("all"));
  Published published(*world.a, camera());
  world.sim.run_for(milliseconds(700));
  EXPECT_THAT(published.states, IsEmpty());
  world.sim.run_for(milliseconds(400));
  EXPECT_THAT(published.states, ElementsAre(StatusCode::kOk));
  EXPECT_THAT(browsed.taken(), ElementsAre("+camera/4", "+camera/6"));

  Resolved four(*world.b, instance("camera"));
  Resolved six(*world.b, instance("camera", Family::kIpv6));
  world.sim.run_for(milliseconds(19));
  EXPECT_TRUE(four.answers.empty());
  world.sim.run_for(milliseconds(110));
  ASSERT_EQ(four.answers.size(), 1u);
  ASSERT_EQ(six.answers.size(), 1u);
  EXPECT_EQ(four.answers[0].host, "a.local");
  EXPECT_EQ(four.answers[0].address.to_string(), "10.0.0.1:4433");
  EXPECT_THAT(four.answers[0].txt, ElementsAre("v=1", "room=1"));
  EXPECT_EQ(six.answers[0].address.scope_id(), 2u);
}

TEST(SimDnsNetwork, HasOneInterfaceWhateverThisMachineHas) {
  World world;
  const auto index = world.a->interface_index("eth0");
  ASSERT_TRUE(index) << index.status();
  EXPECT_EQ(*index, 2u);
  EXPECT_EQ(world.a->interface_index("lo").status().code(), StatusCode::kNotFound);
}

TEST(SimDnsNetwork, TellsWhoComesLaterWhatIsThere) {
  World world;
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  Browsed all(*world.b);
  Browsed cameras(*world.b, subtype_of("acme.v1.Camera"));
  Browsed lights(*world.b, subtype_of("acme.v1.Light"));
  Browsed own(*world.a);
  world.sim.run_for(milliseconds(1100));
  for (Browsed* browsed : {&all, &cameras, &own}) {
    EXPECT_THAT(browsed->taken(), ElementsAre("+camera/4", "+camera/6", "all"));
  }
  EXPECT_THAT(lights.taken(), ElementsAre("all"));
  EXPECT_EQ(world.network.browsers(), 4u);
}

TEST(SimDnsNetwork, LetsTheLaterOfTwoWithOneNameLose) {
  World world;
  Published first(*world.a, camera());
  Published second(*world.b, camera("CAMERA"));
  world.sim.run_for(seconds(2));
  EXPECT_EQ(first.states.size() + second.states.size(), 2u);
  EXPECT_NE(first.states, second.states);
  Published third(*world.a, camera());
  world.sim.run_for(seconds(2));
  EXPECT_THAT(third.states, ElementsAre(StatusCode::kAlreadyExists));
  Published other(*world.a, camera("camera #2"));
  world.sim.run_for(seconds(2));
  EXPECT_THAT(other.states, ElementsAre(StatusCode::kOk));
}

TEST(SimDnsNetwork, LetsWhatIsWithdrawnSayByeAtOnceAndTakesASecondOverItsGoodbye) {
  World world;
  Browsed browsed(*world.b);
  auto published = std::make_unique<Published>(*world.a, camera());
  world.sim.run_for(seconds(2));
  browsed.taken();
  Resolved resolved(*world.b, instance("camera"));
  world.sim.run_for(seconds(1));
  published.reset();
  EXPECT_EQ(world.network.publications(), 0u);
  world.sim.run_for(milliseconds(2));
  ASSERT_EQ(resolved.answers.size(), 2u);
  EXPECT_THAT(resolved.answers[1].txt, ElementsAre("v=1", "bye", "room=1"));
  // The time for that, and the goodbye's second.
  world.sim.run_for(milliseconds(1250));
  EXPECT_THAT(browsed.taken(), IsEmpty());
  world.sim.run_for(milliseconds(20));
  EXPECT_THAT(browsed.taken(), ElementsAre("-camera/4", "-camera/6"));
}

TEST(SimDnsNetwork, KeepsANameThatIsPublishedAgainWhileItLeaves) {
  World world;
  Browsed browsed(*world.b);
  auto published = std::make_unique<Published>(*world.a, camera());
  world.sim.run_for(seconds(2));
  Resolved resolved(*world.b, instance("camera"));
  world.sim.run_for(seconds(1));
  browsed.taken();
  published.reset();
  Published again(*world.a, camera());
  world.sim.run_for(seconds(5));
  EXPECT_THAT(again.states, ElementsAre(StatusCode::kOk));
  EXPECT_THAT(browsed.taken(), IsEmpty());
  ASSERT_EQ(resolved.answers.size(), 3u);
  EXPECT_THAT(resolved.answers[2].txt, ElementsAre("v=1", "room=1"));
}

TEST(SimDnsNetwork, TellsOfChanges) {
  World world;
  Browsed cameras(*world.b, subtype_of("acme.v1.Camera"));
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  Resolved resolved(*world.b, instance("camera"));
  world.sim.run_for(seconds(1));
  Registration changed = camera();
  changed.port = 4434;
  changed.txt = {"v=1", "room=2"};
  published.handle->update(changed);
  world.sim.run_for(milliseconds(10));
  EXPECT_EQ(published.states.size(), 2u);
  ASSERT_EQ(resolved.answers.size(), 2u);
  EXPECT_EQ(resolved.answers[1].address.port(), 4434);
  EXPECT_THAT(resolved.answers[1].txt, ElementsAre("v=1", "room=2"));
  EXPECT_THAT(cameras.taken(), UnorderedElementsAre("+camera/4", "+camera/6", "all"));

  changed.subtypes.clear();
  published.handle->update(changed);
  world.sim.run_for(milliseconds(10));
  EXPECT_THAT(cameras.taken(), ElementsAre("-camera/4", "-camera/6"));
  EXPECT_EQ(resolved.answers.size(), 2u);

  changed.subtypes = camera().subtypes;
  changed.name = "other";
  published.handle->update(changed);
  world.sim.run_for(seconds(2));
  EXPECT_THAT(cameras.taken(), ElementsAre("+other/4", "+other/6"));
  world.sim.run_for(seconds(5));
  EXPECT_EQ(resolved.end, StatusCode::kNotFound);
}

TEST(SimDnsNetwork, ForgetsTheAddressesOfTheKilledAfter120SecondsAndTheirNamesAfter75Minutes) {
  World world;
  Browsed browsed(*world.b);
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  Resolved resolved(*world.b, instance("camera"));
  world.sim.run_for(seconds(1));
  browsed.taken();
  world.network.stop_daemon("a");
  world.sim.run_for(seconds(124));
  EXPECT_EQ(published.states.back(), StatusCode::kUnavailable);
  EXPECT_EQ(resolved.end, StatusCode::kOk);
  world.sim.run_for(seconds(2));
  EXPECT_EQ(resolved.end, StatusCode::kNotFound);
  EXPECT_THAT(browsed.taken(), IsEmpty());
  world.sim.run_for(minutes(75));
  EXPECT_THAT(browsed.taken(), ElementsAre("-camera/4", "-camera/6"));
}

TEST(SimDnsNetwork, EndsEverythingOnceWhenADaemonStops) {
  World world;
  std::vector<StatusCode> status;
  const auto watch =
      world.a->watch_status([&](const Status& now) { status.push_back(now.code()); });
  Browsed browsed(*world.a);
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  Resolved resolved(*world.a, instance("camera"));
  world.sim.run_for(seconds(1));
  browsed.taken();
  world.network.stop_daemon("a", true);
  world.sim.run_for(seconds(2));
  EXPECT_THAT(browsed.taken(), ElementsAre("UNAVAILABLE"));
  EXPECT_THAT(published.states, ElementsAre(StatusCode::kOk, StatusCode::kUnavailable));
  EXPECT_EQ(resolved.end, StatusCode::kUnavailable);
  Browsed late(*world.a);
  Published late_too(*world.a, camera());
  world.network.start_daemon("a");
  world.sim.run_for(seconds(2));
  EXPECT_THAT(late.taken(), ElementsAre("UNAVAILABLE"));
  EXPECT_THAT(late_too.states, ElementsAre(StatusCode::kUnavailable));
  EXPECT_THAT(browsed.taken(), IsEmpty());
  EXPECT_THAT(status, ElementsAre(StatusCode::kOk, StatusCode::kUnavailable, StatusCode::kOk));
  Published again(*world.a, camera());
  Browsed other(*world.b);
  world.sim.run_for(seconds(2));
  EXPECT_THAT(again.states, ElementsAre(StatusCode::kOk));
  EXPECT_THAT(other.taken(), UnorderedElementsAre("all", "+camera/4", "+camera/6"));
}

TEST(SimDnsNetwork, CutsWhoseLinkIsDownAndProbesAgainWhenItIsUp) {
  bool have_both_lost = false;
  bool has_one_lost = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    Browsed browsed(*world.b);
    Published first(*world.a, camera());
    world.sim.run_for(seconds(2));
    browsed.taken();
    world.network.set_link("b", false);
    world.sim.run_for(milliseconds(10));
    EXPECT_THAT(browsed.taken(), ElementsAre("-camera/4", "-camera/6"));
    Published second(*world.b, camera());
    world.sim.run_for(seconds(2));
    EXPECT_THAT(second.states, ElementsAre(StatusCode::kOk));
    EXPECT_THAT(browsed.taken(), ElementsAre("+camera/4", "+camera/6"));
    world.network.set_link("b", true);
    world.sim.run_for(seconds(2));
    EXPECT_THAT(second.states, ElementsAre(StatusCode::kOk, StatusCode::kAlreadyExists));
    (first.states.size() == 2 ? have_both_lost : has_one_lost) = true;
  }
  EXPECT_TRUE(have_both_lost && has_one_lost);
}

TEST(SimDnsNetwork, FollowsAddressesThatChange) {
  World world;
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  Resolved resolved(*world.b, instance("camera"));
  world.sim.run_for(seconds(1));
  world.sim.add_address("a", "a.lte", SocketAddress::ipv4({10, 0, 9, 1}, 0));
  world.sim.set_address_up(SocketAddress::ipv4({10, 0, 0, 1}, 0), false);
  world.sim.run_for(seconds(1));
  EXPECT_EQ(resolved.answers.back().address.to_string(), "10.0.9.1:4433");
}

TEST(SimDnsNetwork, ShowsWhatNeighboursInventForAsLongAsTheyWant) {
  World world;
  Browsed browsed(*world.b, subtype_of("any.Service"));
  world.sim.run_for(seconds(2));
  browsed.taken();
  const Instance evil{"evil\x1b\n", kServiceType, "local", 7, Family::kIpv6};
  const ResolvedInstance says{"", SocketAddress::ipv4({0, 0, 0, 0}, 0), {"="}};
  auto injected = world.network.inject(evil, says);
  world.sim.run_for(milliseconds(1));
  EXPECT_THAT(browsed.taken(), ElementsAre("+evil\x1b\n/6"));
  EXPECT_EQ(browsed.last, evil);
  Resolved resolved(*world.a, evil);
  world.sim.run_for(seconds(1));
  EXPECT_THAT(resolved.answers, ElementsAre(says));
  injected.reset();
  world.sim.run_for(milliseconds(1));
  EXPECT_THAT(browsed.taken(), ElementsAre("-evil\x1b\n/6"));
  world.sim.run_for(seconds(5));
  EXPECT_EQ(resolved.end, StatusCode::kNotFound);
}

TEST(SimDnsNetwork, RefusesNamesAndTextsThatCannotBeSent) {
  World world;
  Registration registration = camera("");
  Published nameless(*world.a, registration);
  registration = camera();
  registration.txt = {std::string(256, 'x')};
  Published wordy(*world.a, registration);
  world.sim.run_for(seconds(2));
  EXPECT_THAT(nameless.states, ElementsAre(StatusCode::kInvalidArgument));
  EXPECT_THAT(wordy.states, ElementsAre(StatusCode::kInvalidArgument));
}

TEST(SimDnsNetwork, LetsCallbacksDestroyWhatCallsBack) {
  World world;
  Published published(*world.a, camera());
  world.sim.run_for(seconds(2));
  std::unique_ptr<Pending> browse;
  std::unique_ptr<Pending> resolve;
  std::unique_ptr<Pending> watch;
  std::unique_ptr<Publication> publication;
  int calls = 0;
  const std::string text(100,
                         'x');  // owned by each closure, looked at after it destroyed its owner
  browse = world.b->browse(kServiceType, [&, text](const Result<InstanceEvent>&) {
    browse.reset();
    calls += static_cast<int>(text.size());
  });
  resolve = world.b->resolve(instance("camera"), [&, text](const Result<ResolvedInstance>&) {
    resolve.reset();
    calls += static_cast<int>(text.size());
  });
  watch = world.b->watch_status([&, text](const Status&) {
    watch.reset();
    calls += static_cast<int>(text.size());
  });
  publication = world.b->publish(camera("b"), [&, text](const Status&) {
    publication.reset();
    calls += static_cast<int>(text.size());
  });
  world.sim.run_for(seconds(3));
  EXPECT_EQ(calls, 400);
  EXPECT_EQ(world.network.browsers(), 0u);
  EXPECT_EQ(world.network.resolvers(), 0u);
  EXPECT_EQ(world.network.publications(), 1u);
}

TEST(SimDnsNetwork, DoesTheSameUnderTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    World world(seed);
    std::vector<Duration> times;
    const auto publication =
        world.a->publish(camera(), [&](const Status&) { times.push_back(world.sim.elapsed()); });
    const auto browse = world.b->browse(
        kServiceType, [&](const Result<InstanceEvent>&) { times.push_back(world.sim.elapsed()); });
    world.sim.run_for(seconds(3));
    return times;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace echostream::discovery::testing
