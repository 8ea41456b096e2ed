// Connections that are lost at any moment, and lists that cannot be written.
#include <gmock/gmock.h>

#include "discovery/pairing/pairing_test_support.h"

namespace echostream::pairing {
namespace {

using echostream::testing::LinkOptions;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A run whose connection is cut, one way or both, after so many datagrams.
class PairingCutOff : public Pairing {
 protected:
  struct Outcome {
    Status status;
    bool in_guest = false;
    bool in_host = false;
  };
  void SetUp() override {
    sim_.capture([this](const testing::CapturedDatagram&) { ++sent_; });
  }
  void connect(bool to_camera, bool to_tablet) {
    LinkOptions link;
    link.delay = 5ms;
    link.cut = !to_camera;
    sim_.set_link_one_way("tablet", "camera", link);
    link.cut = !to_tablet;
    sim_.set_link_one_way("camera", "tablet", link);
  }
  Outcome run(int cut_after, bool to_camera, bool to_tablet) {
    connect(true, true);
    start();
    sent_ = 0;
    Running running(tablet_, code());
    sim_.run_until([&] { return sent_ >= cut_after || running.result; }, 60s);
    connect(to_camera, to_tablet);
    EXPECT_TRUE(sim_.run_until([&] { return running.result.has_value(); }, 120s));
    sim_.run_for(1s);
    return {running.result->status(), tablet_.knows(camera_), camera_.knows(tablet_)};
  }
  void expect_that_pairing_again_mends_it() {
    connect(true, true);
    sim_.run_for(tablet_.options().patience);  // until the host gives the lost one up, too
    const auto again = pair(tablet_, code());
    EXPECT_TRUE(again) << again.status();
    EXPECT_TRUE(tablet_.knows(camera_) && camera_.knows(tablet_));
  }
  void forget() {
    stop();
    (void)tablet_.peers->remove("camera");
    (void)camera_.peers->remove("tablet");
  }
  int sent_ = 0;
};

TEST_F(PairingCutOff, AtAnyMomentBothAreListedOrNeitherOrTheGuestIsToldToPairAgain) {
  const std::pair<bool, bool> cuts[] = {{false, false}, {true, false}, {false, true}};
  for (const auto& [to_camera, to_tablet] : cuts) {
    int neither = 0;
    int guest_alone = 0;
    for (int cut_after = 0;; ++cut_after) {
      ASSERT_LT(cut_after, 200);
      SCOPED_TRACE(cut_after);
      const Outcome outcome = run(cut_after, to_camera, to_tablet);
      EXPECT_TRUE(outcome.in_guest || !outcome.in_host);
      if (outcome.status.is_ok()) {
        EXPECT_TRUE(outcome.in_guest && outcome.in_host);
        forget();
        break;
      }
      if (outcome.in_guest) {
        EXPECT_THAT(outcome.status.message(), HasSubstr("pair them again"));
        EXPECT_NE(outcome.status.code(), StatusCode::kUnavailable) << "the code was used";
      }
      neither += outcome.in_guest ? 0 : 1;
      guest_alone += outcome.in_guest && !outcome.in_host ? 1 : 0;
      if (outcome.in_guest && !outcome.in_host) expect_that_pairing_again_mends_it();
      forget();
    }
    EXPECT_GT(neither, 4);
    // Cut off from the guest alone, the host may have heard its last word.
    EXPECT_TRUE(guest_alone > 0 || to_camera);
  }
}

// A list whose disk is full.
class FullList final : public KnownPeers {
 public:
  std::optional<KnownPeer> find(std::string_view) const override { return {}; }
  std::optional<KnownPeer> find(const Fingerprint&) const override { return {}; }
  std::vector<KnownPeer> list() const override { return {}; }
  Status add(const KnownPeer&) override {
    return Status(StatusCode::kUnavailable, "no space left on device");
  }
  Status remove(std::string_view) override { return Status(StatusCode::kNotFound, "none"); }
};

TEST_F(Pairing, WhereTheHostCannotWriteTheGuestForgetsWhatItWrote) {
  auto options = host_options();
  options.pairing.peers = std::make_shared<FullList>();
  start(std::move(options));
  const auto peer = pair(tablet_, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kAborted) << peer.status();
  EXPECT_THAT(peer.status().message(), HasSubstr("nothing was paired"));
  EXPECT_EQ(outcome().status().code(), StatusCode::kUnavailable) << outcome().status();
  EXPECT_TRUE(tablet_.peers->list().empty());
}

TEST_F(Pairing, WhereTheHostCannotWriteAnEarlierEntryOfTheGuestStaysAsItWas) {
  KnownPeer before;
  before.name = "camera";
  before.fingerprint = camera_.identity.fingerprint();
  before.origin = KnownPeer::Origin::kFirstUse;
  ASSERT_TRUE(tablet_.peers->add(before).is_ok());
  auto options = host_options();
  options.pairing.peers = std::make_shared<FullList>();
  start(std::move(options));
  EXPECT_FALSE(pair(tablet_, code()));
  ASSERT_TRUE(tablet_.peers->find("camera"));
  EXPECT_EQ(tablet_.peers->find("camera")->origin, KnownPeer::Origin::kFirstUse);
}

TEST_F(Pairing, WhereTheGuestCannotWriteTheHostDoesNot) {
  start();
  tablet_.peers = std::make_shared<FullList>();
  const auto peer = pair(tablet_, code());
  EXPECT_EQ(peer.status().code(), StatusCode::kAborted) << peer.status();
  sim_.run_for(1s);
  EXPECT_TRUE(camera_.peers->list().empty());
  EXPECT_THAT(shown_, SizeIs(2)) << "the code was compared";
}

}  // namespace
}  // namespace echostream::pairing
