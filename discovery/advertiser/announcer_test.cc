#include "discovery/advertiser/announcer.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "discovery/advertiser/fake_dns_sd_test_support.h"

namespace echostream::discovery {
namespace {

using namespace std::chrono_literals;
using echostream::testing::Simulation;
using ::testing::ElementsAre;
using testing::FakeDnsSd;
using State = AdvertiserStatus::State;

const Status kLost(StatusCode::kUnavailable, "the daemon is gone");
const Status kTaken(StatusCode::kAlreadyExists, "taken");

Registration with_port(std::uint16_t port) {
  Registration registration;
  registration.port = port;
  registration.txt = {"v=1"};
  return registration;
}

class AnnouncerTest : public ::testing::Test {
 protected:
  void start() {
    announcer = std::make_unique<Announcer>(loop, dns_sd, "camera", [this] {
      const AdvertiserStatus& now = announcer->status();
      std::string text = std::to_string(static_cast<int>(now.state)) + ' ' + now.name;
      if (states.empty() || states.back() != text) states.push_back(std::move(text));
    });
  }
  void announce() {
    start();
    dns_sd->set_status(Status());
    announcer->want(with_port(4000));
    settle();
    dns_sd->answer(Status());
    settle();
    ASSERT_EQ(announcer->status().state, State::kAnnounced);
  }
  void settle() { sim.run_for(1ms); }

  Simulation sim{1};
  Loop& loop = sim.add_node("device", *SocketAddress::parse("10.0.0.1:0"));
  std::shared_ptr<FakeDnsSd> dns_sd = std::make_shared<FakeDnsSd>(sim, loop);
  std::vector<std::string> states;  // "1 camera" while it is kProbing
  std::unique_ptr<Announcer> announcer;
};

TEST_F(AnnouncerTest, PublishesWhatIsWantedOnceTheDaemonIsThere) {
  start();
  announcer->want(with_port(4000));
  settle();
  EXPECT_TRUE(dns_sd->publications.empty());
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error.code(), StatusCode::kUnavailable);

  dns_sd->set_status(Status());
  settle();
  ASSERT_TRUE(dns_sd->current().has_value());
  EXPECT_EQ(dns_sd->current()->name, "camera");
  EXPECT_EQ(dns_sd->current()->port, 4000);
  EXPECT_EQ(announcer->status().state, State::kProbing);

  dns_sd->answer(Status());
  settle();
  EXPECT_EQ(announcer->status().state, State::kAnnounced);
  EXPECT_TRUE(announcer->status().error.is_ok());
}

TEST_F(AnnouncerTest, SaysWhatIsWrongWithTheDaemonAndGoesOnWaitingForIt) {
  start();
  announcer->want(with_port(4000));
  dns_sd->set_status(kLost);
  settle();
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error, kLost);

  dns_sd->set_status(Status());
  settle();
  EXPECT_TRUE(dns_sd->current().has_value());
}

TEST_F(AnnouncerTest, TakesTheNextNameWhenSomebodyHasThatOne) {
  start();
  dns_sd->set_status(Status());
  announcer->want(with_port(4000));
  settle();
  dns_sd->answer(kTaken);
  settle();
  EXPECT_EQ(announcer->status().name, "camera #2");
  ASSERT_TRUE(dns_sd->current().has_value());
  EXPECT_EQ(dns_sd->current()->name, "camera #2");
  dns_sd->answer(kTaken);
  settle();
  EXPECT_EQ(dns_sd->current()->name, "camera #3");
  dns_sd->answer(Status());
  settle();

  EXPECT_THAT(states,
              ElementsAre("0 camera", "1 camera", "1 camera #2", "1 camera #3", "2 camera #3"));
}

TEST_F(AnnouncerTest, RenamesItselfWhenTheNameIsLostLater) {
  announce();
  sim.run_for(60s);
  dns_sd->answer(kTaken);
  settle();
  EXPECT_EQ(announcer->status().state, State::kProbing);
  ASSERT_TRUE(dns_sd->current().has_value());
  EXPECT_EQ(dns_sd->current()->name, "camera #2");
}

TEST_F(AnnouncerTest, KeepsTheNewNameWhenTheDaemonIsRestarted) {
  announce();
  dns_sd->answer(kTaken);
  settle();
  dns_sd->answer(Status());
  settle();
  dns_sd->set_status(kLost);
  settle();
  dns_sd->set_status(Status());
  sim.run_for(1s);
  ASSERT_TRUE(dns_sd->current().has_value());
  EXPECT_EQ(dns_sd->current()->name, "camera #2");
}

TEST_F(AnnouncerTest, SlowsDownForANeighbourWhoTakesEveryName) {
  start();
  dns_sd->set_status(Status());
  announcer->want(with_port(4000));
  settle();
  for (int round = 0; round < 60'000; ++round) {
    if (dns_sd->current()) dns_sd->answer(kTaken);
    sim.run_for(1ms);
  }
  // RFC 6762 8.1: fifteen, and then one in five seconds.
  EXPECT_LE(dns_sd->publications.size(), 15u + 12u);
  EXPECT_GE(dns_sd->publications.size(), 15u + 10u);
  EXPECT_EQ(announcer->status().state, State::kProbing);
}

TEST_F(AnnouncerTest, UpdatesWhatIsThereAtMostOnceASecond) {
  announce();
  const auto published = dns_sd->publications.back();
  const auto begin = sim.elapsed();
  for (std::uint16_t port = 4001; port <= 4100; ++port) {
    announcer->want(with_port(port));
    sim.run_for(50ms);
  }
  sim.run_for(2s);
  EXPECT_EQ(dns_sd->publications.size(), 1u) << "withdrawn, where an update would do";
  EXPECT_EQ(published->versions.back().port, 4100);
  EXPECT_LE(published->versions.size(), 8u);
  for (std::size_t i = 1; i < published->at.size(); ++i) {
    EXPECT_GE(published->at[i] - (i > 1 ? published->at[i - 1] : begin - 1ms), 1s) << i;
  }
}

TEST_F(AnnouncerTest, UpdatesAfterAWhileWithoutDelay) {
  announce();
  sim.run_for(5s);
  announcer->want(with_port(4001));
  EXPECT_EQ(dns_sd->current()->port, 4001);
  EXPECT_EQ(announcer->status().state, State::kAnnounced);
}

TEST_F(AnnouncerTest, DoesNotUpdateForNothing) {
  announce();
  sim.run_for(5s);
  announcer->want(with_port(4000));
  // There and back within a second.
  announcer->want(with_port(4001));
  announcer->want(with_port(4002));
  announcer->want(with_port(4001));
  sim.run_for(5s);
  EXPECT_EQ(dns_sd->publications.back()->versions.size(), 2u);
}

TEST_F(AnnouncerTest, HoldsAChangeBackUntilTheNameIsItsOwn) {
  start();
  dns_sd->set_status(Status());
  announcer->want(with_port(4000));
  settle();
  announcer->want(with_port(4001));
  settle();
  EXPECT_EQ(dns_sd->publications.back()->versions.size(), 1u);
  dns_sd->answer(Status());
  sim.run_for(2s);
  EXPECT_EQ(dns_sd->current()->port, 4001);
}

TEST_F(AnnouncerTest, WithdrawsWhatCannotBeAnnouncedAnyMore) {
  announce();
  const Status silent(StatusCode::kFailedPrecondition, "the node does not listen");
  announcer->want(silent);
  EXPECT_FALSE(dns_sd->current().has_value());
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error, silent);

  announcer->want(with_port(4001));
  sim.run_for(1100ms);
  ASSERT_TRUE(dns_sd->current().has_value());
  EXPECT_EQ(dns_sd->current()->port, 4001);
}

TEST_F(AnnouncerTest, PublishesAnewAfterTheDaemonWasRestarted) {
  announce();
  dns_sd->answer(kLost);
  dns_sd->set_status(kLost);
  settle();
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error, kLost);
  sim.run_for(10s);
  EXPECT_EQ(dns_sd->publications.size(), 1u);

  dns_sd->set_status(Status());
  sim.run_for(250ms);
  EXPECT_TRUE(dns_sd->current().has_value());
}

TEST_F(AnnouncerTest, PublishesAnewWhenOnlyThePublicationWasLost) {
  announce();
  dns_sd->answer(Status(StatusCode::kResourceExhausted, "too many objects"));
  settle();
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error.code(), StatusCode::kResourceExhausted);
  sim.run_for(250ms);
  EXPECT_TRUE(dns_sd->current().has_value());
}

TEST_F(AnnouncerTest, AsksADaemonThatFlapsLessAndLessOften) {
  start();
  announcer->want(with_port(4000));
  for (int round = 0; round < 6'000; ++round) {
    dns_sd->set_status(round % 2 == 0 ? Status() : kLost);
    sim.run_for(20ms);
  }
  // Two minutes; at each of 3,000 starts without a pause.
  EXPECT_LT(dns_sd->publications.size(), 80u);
  EXPECT_GT(dns_sd->publications.size(), 5u);
  dns_sd->set_status(Status());
  sim.run_for(11s);
  EXPECT_TRUE(dns_sd->current().has_value()) << "it is forgiven";
}

TEST_F(AnnouncerTest, DoesNotRepeatWhatTheDaemonRefuses) {
  start();
  dns_sd->set_status(Status());
  announcer->want(with_port(4000));
  settle();
  const Status refused(StatusCode::kInvalidArgument, "no such subtype");
  dns_sd->answer(refused);
  sim.run_for(60s);
  EXPECT_EQ(dns_sd->publications.size(), 1u);
  EXPECT_EQ(announcer->status().state, State::kWaiting);
  EXPECT_EQ(announcer->status().error, refused);

  announcer->want(with_port(4001));
  settle();
  EXPECT_EQ(dns_sd->publications.size(), 2u);
}

TEST_F(AnnouncerTest, MovesToAnInterfaceThatHasAnotherNumberNow) {
  announce();
  sim.run_for(5s);
  Registration elsewhere = with_port(4000);
  elsewhere.interface_index = 7;
  announcer->want(elsewhere);
  ASSERT_EQ(dns_sd->publications.size(), 2u);
  EXPECT_TRUE(dns_sd->publications.front()->is_withdrawn);
  EXPECT_EQ(dns_sd->current()->interface_index, 7u);
}

TEST_F(AnnouncerTest, SaysGoodbyeWhenItIsDestroyed) {
  announce();
  announcer.reset();
  EXPECT_FALSE(dns_sd->current().has_value());
  dns_sd->set_status(kLost);
  settle();
}

}  // namespace
}  // namespace echostream::discovery
