// Two devices on a simulated network: what a person and a program see of pairing.
#include "echostream/pairing/pairing.h"

#include <gmock/gmock.h>

#include "discovery/pairing/pairing_test_support.h"

namespace echostream::pairing {
namespace {

using echostream::testing::LinkOptions;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// ---- What people see.

TEST_F(Pairing, WithTheCodeBothListEachOther) {
  start();
  ASSERT_THAT(shown_, SizeIs(1));
  const auto peer = pair(tablet_, code());
  ASSERT_TRUE(peer) << peer.status();
  EXPECT_EQ(peer->name, "camera");
  EXPECT_EQ(peer->fingerprint, camera_.identity.fingerprint());
  EXPECT_EQ(peer->origin, KnownPeer::Origin::kPaired);
  EXPECT_EQ(peer->since, tablet_.peers->find("camera")->since);
  const auto guest = outcome();
  ASSERT_TRUE(guest) << guest.status();
  EXPECT_EQ(guest->name, "tablet");
  EXPECT_TRUE(camera_.knows(tablet_));
  EXPECT_TRUE(tablet_.knows(camera_));
  EXPECT_THAT(shown_, SizeIs(1));
}

TEST_F(Pairing, TakesMillisecondsOnAGoodNetworkAndLivesThroughABadOne) {
  LinkOptions link;
  link.delay = 50ms;
  link.jitter = 30ms;
  link.loss = 0.1;
  sim_.set_link("camera", "tablet", link);
  start();
  const auto peer = pair(tablet_, code());
  ASSERT_TRUE(peer) << peer.status();
  ASSERT_TRUE(outcome()) << outcome().status();
  EXPECT_TRUE(camera_.knows(tablet_) && tablet_.knows(camera_));
}

TEST_F(Pairing, AWrongCodeCostsTheCodeAndTheNextOneWorks) {
  start();
  const std::string first = code();
  const auto wrong = pair(tablet_, wrong_code());
  EXPECT_EQ(wrong.status().code(), StatusCode::kPermissionDenied) << wrong.status();
  EXPECT_TRUE(tablet_.peers->list().empty());
  EXPECT_TRUE(camera_.peers->list().empty());
  ASSERT_THAT(shown_, SizeIs(2));
  const auto late = pair(tablet_, first);
  EXPECT_EQ(late.status().code(), StatusCode::kPermissionDenied) << late.status();
  ASSERT_THAT(shown_, SizeIs(3));
  const auto peer = pair(tablet_, code());
  ASSERT_TRUE(peer) << peer.status();
  EXPECT_TRUE(outcome());
  EXPECT_TRUE(camera_.knows(tablet_) && tablet_.knows(camera_));
}

TEST_F(Pairing, IsOverAfterTenWrongCodes) {
  start();
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(outcome_) << "after " << i;
    const auto wrong = pair(tablet_, wrong_code());
    EXPECT_EQ(wrong.status().code(), StatusCode::kPermissionDenied) << wrong.status();
  }
  EXPECT_EQ(outcome().status().code(), StatusCode::kPermissionDenied) << outcome().status();
  EXPECT_THAT(shown_, SizeIs(10));
  const auto after = pair(tablet_, code());
  EXPECT_EQ(after.status().code(), StatusCode::kUnavailable) << after.status();
  EXPECT_TRUE(camera_.peers->list().empty());
}

TEST_F(Pairing, IsOverWhenNobodyCame) {
  auto options = host_options();
  options.open_for = 1min;
  start(std::move(options));
  sim_.run_for(59s);
  EXPECT_FALSE(outcome_);
  EXPECT_EQ(outcome().status().code(), StatusCode::kDeadlineExceeded);
  const auto after = pair(tablet_, code());
  EXPECT_EQ(after.status().code(), StatusCode::kUnavailable) << after.status();
}

TEST_F(Pairing, AgainWithTheSameCertificatesIsFine) {
  for (int i = 0; i < 2; ++i) {
    start();
    const auto peer = pair(tablet_, code());
    ASSERT_TRUE(peer) << peer.status();
    ASSERT_TRUE(outcome()) << outcome().status();
    stop();
  }
  EXPECT_THAT(camera_.peers->list(), SizeIs(1));
}

TEST_F(Pairing, MakesAPeerOfFirstUseAPairedOne) {
  KnownPeer before;
  before.name = "camera";
  before.fingerprint = camera_.identity.fingerprint();
  before.origin = KnownPeer::Origin::kFirstUse;
  ASSERT_TRUE(tablet_.peers->add(before).is_ok());
  start();
  ASSERT_TRUE(pair(tablet_, code()));
  EXPECT_TRUE(tablet_.knows(camera_));
}

TEST_F(Pairing, RefusesAGuestWhoseNameStandsForAnotherCertificate) {
  KnownPeer other;
  other.name = "tablet";
  other.fingerprint = camera_.identity.fingerprint();
  ASSERT_TRUE(camera_.peers->add(other).is_ok());
  start();
  const auto peer = pair(tablet_, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kAlreadyExists) << peer.status();
  EXPECT_EQ(outcome().status().code(), StatusCode::kAlreadyExists) << outcome().status();
  EXPECT_TRUE(tablet_.peers->list().empty());
  EXPECT_EQ(camera_.peers->find("tablet")->fingerprint, other.fingerprint);
}

// A stranger learns that only with the code.
TEST_F(Pairing, DoesNotTellStrangersWhoIsInTheList) {
  KnownPeer other;
  other.name = "tablet";
  other.fingerprint = camera_.identity.fingerprint();
  ASSERT_TRUE(camera_.peers->add(other).is_ok());
  start();
  const auto peer = pair(tablet_, wrong_code());
  EXPECT_EQ(peer.status().code(), StatusCode::kPermissionDenied) << peer.status();
}

TEST_F(Pairing, AGuestThatKnowsAnotherByTheHostsNameDoesNotSpendTheCode) {
  KnownPeer other;
  other.name = "camera";
  other.fingerprint = tablet_.identity.fingerprint();
  ASSERT_TRUE(tablet_.peers->add(other).is_ok());
  start();
  const auto peer = pair(tablet_, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kAlreadyExists) << peer.status();
  ASSERT_TRUE(tablet_.peers->remove("camera").is_ok());
  EXPECT_THAT(shown_, SizeIs(1));
  const auto again = pair(tablet_, code());
  EXPECT_TRUE(again) << again.status();
}

TEST_F(Pairing, ADeviceDoesNotPairWithItself) {
  start();
  Device twin(sim_, "twin", 3);
  twin.identity = camera_.identity;
  const auto peer = pair(twin, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kPermissionDenied) << peer.status();
  EXPECT_THAT(peer.status().message(), HasSubstr("itself"));
  EXPECT_THAT(shown_, SizeIs(1));
}

TEST_F(Pairing, WarnsOfWrongCodesAndNotOfItsOwnSessions) {
  start();
  ASSERT_FALSE(pair(tablet_, wrong_code()));
  ASSERT_THAT(camera_.warnings, SizeIs(1));
  EXPECT_THAT(camera_.warnings[0], HasSubstr("a wrong code came from 10.0.0.2"));
  ASSERT_TRUE(pair(tablet_, code()));
  EXPECT_THAT(camera_.warnings, SizeIs(1));
  EXPECT_TRUE(tablet_.warnings.empty());
}

// ---- What programs get wrong.

TEST_F(Pairing, SaysWhatIsWrongWithItsOptions) {
  const auto pair_with = [this](PairingOptions options) {
    auto result =
        sim_.run(tablet_.loop, pairing::pair(tablet_.loop, kHostAddress, "123456", options), 10s);
    return result ? result->status().code() : StatusCode::kInternal;
  };
  auto options = tablet_.options();
  options.identity.reset();
  EXPECT_EQ(pair_with(options), StatusCode::kInvalidArgument);
  options = tablet_.options();
  options.peers = nullptr;
  EXPECT_EQ(pair_with(options), StatusCode::kInvalidArgument);
  options = tablet_.options();
  options.name = "two\nlines";
  EXPECT_EQ(pair_with(options), StatusCode::kInvalidArgument);
  options = tablet_.options();
  options.patience = Duration();
  EXPECT_EQ(pair_with(options), StatusCode::kInvalidArgument);
  EXPECT_EQ(pair(tablet_, "12345").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(pair(tablet_, "123456", "nowhere").status().code(), StatusCode::kInvalidArgument);

  auto hosting = host_options();
  hosting.show_code = nullptr;
  EXPECT_EQ(PairingHost::start(camera_.loop, hosting).status().code(),
            StatusCode::kInvalidArgument);
  hosting = host_options();
  hosting.open_for = Duration();
  EXPECT_EQ(PairingHost::start(camera_.loop, hosting).status().code(),
            StatusCode::kInvalidArgument);
  hosting = host_options();
  hosting.listen_on = "192.0.2.1:5000";
  EXPECT_EQ(PairingHost::start(camera_.loop, hosting).status().code(), StatusCode::kUnavailable);
}

TEST_F(Pairing, ADeviceThatServesSomethingElseDoesNotWaitToBePaired) {
  Node node(camera_.loop, node_options(camera_.options()));
  ASSERT_TRUE(node.listen(kHostAddress));
  const auto peer = pair(tablet_, "123456");
  EXPECT_EQ(peer.status().code(), StatusCode::kUnavailable) << peer.status();
  EXPECT_THAT(peer.status().message(), HasSubstr("does not wait to be paired"));
}

TEST_F(Pairing, WhereNobodyAnswersTheCodeMayBeTriedAgain) {
  start();
  LinkOptions link;
  link.cut = true;
  sim_.set_link("camera", "tablet", link);
  const auto peer = pair(tablet_, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kUnavailable) << peer.status();
  sim_.set_link("camera", "tablet", LinkOptions());
  EXPECT_TRUE(pair(tablet_, code()));
  EXPECT_THAT(shown_, SizeIs(1));
}

TEST_F(Pairing, AHostMayGoAwayWhileItWaitsOrPairs) {
  LinkOptions link;
  link.delay = 3ms;
  sim_.set_link("camera", "tablet", link);
  for (Duration after{}; after < 40ms; after += 1ms) {
    start();
    Running running(tablet_, code());
    sim_.run_for(after);
    stop();
    ASSERT_TRUE(sim_.run_until([&] { return running.result.has_value(); }, 60s));
    EXPECT_TRUE(tablet_.knows(camera_) || !camera_.knows(tablet_));
    EXPECT_EQ(running.result->has_value(), camera_.knows(tablet_)) << running.result->status();
    (void)tablet_.peers->remove("camera");
    (void)camera_.peers->remove("tablet");
  }
}

TEST_F(Pairing, AProgramMayStopWaitingAndTheHostGoesOn) {
  start(host_options(), false);
  CallContext context;
  TaskGroup group(camera_.loop);
  std::optional<Result<KnownPeer>> waited;
  group.spawn(internal::store(host_->wait_paired(), waited), &context);
  sim_.run_for(1s);
  context.cancel();
  sim_.run_for(1s);
  ASSERT_TRUE(waited);
  EXPECT_EQ(waited->status().code(), StatusCode::kCancelled);
  EXPECT_TRUE(pair(tablet_, code()));
}

// ---- The real thing.

PairingOptions named(const std::string& name, Loop& loop) {
  PairingOptions options;
  options.name = name;
  options.identity = Identity::self_signed(name, loop.wall_time()).value();
  options.peers = make_memory_known_peers();
  return options;
}

TEST(PairingOnSockets, WorksWithTheDefaults) {
  auto loop = make_loop().value();
  PairingHost::Options options;
  options.pairing = named("camera", *loop);
  std::string code;
  options.show_code = [&](const std::string& shown) { code = shown; };
  const auto camera = options.pairing.peers;
  auto host = PairingHost::start(*loop, std::move(options));
  ASSERT_TRUE(host) << host.status();
  const std::string address = "127.0.0.1:" + std::to_string((*host)->address().port());
  const auto tablet = named("tablet", *loop);
  const auto both =
      run(*loop, when_all((*host)->wait_paired(), pair(*loop, address, code, tablet)));
  EXPECT_TRUE(std::get<0>(both)) << std::get<0>(both).status();
  EXPECT_TRUE(std::get<1>(both)) << std::get<1>(both).status();
  EXPECT_TRUE(camera->find("tablet"));
  EXPECT_TRUE(tablet.peers->find("camera"));
}

}  // namespace
}  // namespace echostream::pairing
