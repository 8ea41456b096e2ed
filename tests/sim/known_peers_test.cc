// Trust::known_peers(): first use, changed certificates, and when somebody is written down.
#include "echostream/plugin.h"

#include "tests/sim/discovered_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

KnownPeer peer(std::string name, const Fingerprint& fingerprint) {
  KnownPeer made;
  made.name = std::move(name);
  made.fingerprint = fingerprint;
  return made;
}

class KnownPeersTrust : public DiscoveredWorld {
 protected:
  Trust accepting() { return Trust::known_peers(peers_, FirstUse::kAccept); }
  Trust refusing() { return Trust::known_peers(peers_); }
  void know(const std::string& name, const Camera& camera) {
    ASSERT_TRUE(peers_->add(peer(name, camera.identity.fingerprint())).is_ok());
  }
  void find(const Camera& camera, const std::string& name, bool any = false) {
    DialCandidate candidate = candidate_at(camera.address, name);
    candidate.any_known_peer = any;
    resolver_->script.clear();
    resolver_->finds(0s, {candidate}, true);
  }
  StatusCode code_of_dial(Node& viewer) { return dial(viewer).status().code(); }

  std::shared_ptr<KnownPeers> peers_ = make_memory_known_peers();
};

TEST_F(KnownPeersTrust, TheFirstToAnswerByANameIsTheOnlyOneFromThenOn) {
  Camera& camera = add_camera();
  Camera& other = add_camera();
  Node& viewer = add_viewer(accepting());
  find(camera, "the door");
  auto session = dial(viewer);
  ASSERT_TRUE(session) << session.status();
  EXPECT_EQ(session->peer_identity()->verified_by(), Trust::Mode::kKnownPeers);
  const auto known = peers_->find("the door");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->fingerprint, camera.identity.fingerprint());
  EXPECT_EQ(known->origin, KnownPeer::Origin::kFirstUse);
  EXPECT_LE(viewer.loop().wall_time() - known->since, 1s);
  EXPECT_THAT(log_, HasSubstr("met 'the door' at 10.0.0.1:4433 for the first time"));
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kOk);

  find(other, "the door");
  const Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(camera.identity.fingerprint().to_string()),
                    HasSubstr(other.identity.fingerprint().to_string()),
                    HasSubstr("'echostream peers forget'"),
                    // A name that neighbours chose is no part of a command that people copy.
                    Not(HasSubstr("forget 'the"))));
  EXPECT_EQ(peers_->list().size(), 1u);

  ASSERT_TRUE(peers_->remove("the door").is_ok());
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kOk);
  EXPECT_EQ(peers_->find("the door")->fingerprint, other.identity.fingerprint());
}

TEST_F(KnownPeersTrust, ANameThatNobodyIsKnownByIsRefusedUnlessFirstUseIsAccepted) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(refusing());
  find(camera, "the door");
  Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("nobody is known by the name 'the door'; pair with it first"),
                    HasSubstr(camera.identity.fingerprint().to_string())));
  know("the window", camera);
  status = dial(viewer).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("which is known as 'the window'"));
  know("the door", camera);
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kOk);
  EXPECT_EQ(peers_->list().size(), 2u);
}

TEST_F(KnownPeersTrust, AHostIsKnownByItsNameAndPort) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(accepting());
  sim_.add_host("camera.local", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  EXPECT_TRUE(dial(viewer, "camera.local:4433"));
  EXPECT_TRUE(dial(viewer, "10.0.0.1:4433"));
  EXPECT_TRUE(peers_->find("camera.local:4433"));
  EXPECT_TRUE(peers_->find("10.0.0.1:4433"));
  EXPECT_EQ(peers_->list().size(), 2u);
  // Another device at that address, with the same name in its certificate.
  ASSERT_TRUE(
      camera.node
          ->set_identity(Identity::self_signed("camera.test", viewer.loop().wall_time()).value())
          .is_ok());
  EXPECT_EQ(dial(viewer, "camera.local:4433").status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(dial(viewer, "10.0.0.1:4433").status().code(), StatusCode::kUnauthenticated);
}

TEST_F(KnownPeersTrust, WhoeverIsKnownWillDoForATargetThatIsNoPeersName) {
  Camera& known = add_camera();
  Camera& stranger = add_camera();
  know("the door", known);
  Node& viewer = add_viewer(refusing());
  find(known, "another name", true);
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kOk);
  find(stranger, "another name", true);
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kUnauthenticated);
  // By its own name it is refused, whatever first use says.
  find(stranger, "the door", true);
  Node& trusting = add_viewer(accepting());
  find(stranger, "the door", true);
  EXPECT_EQ(code_of_dial(trusting), StatusCode::kUnauthenticated);
  EXPECT_EQ(peers_->list().size(), 1u);
  find(known, "another name", true);
  EXPECT_EQ(code_of_dial(trusting), StatusCode::kOk);
  EXPECT_EQ(peers_->list().size(), 1u);
  find(stranger, "the window", true);
  EXPECT_EQ(code_of_dial(trusting), StatusCode::kOk);
  EXPECT_EQ(peers_->find("the window")->fingerprint, stranger.identity.fingerprint());
}

TEST_F(KnownPeersTrust, OfSeveralThatAnswerToOneNameTheKnownOneIsTaken) {
  add_camera();
  Camera& known = add_camera();
  know("the door", known);
  Node& viewer = add_viewer(accepting());
  resolver_->finds(0s, {candidate_at(cameras_[0].address, "the door")})
      .finds(1s, {candidate_at(known.address, "the door")}, true);
  EXPECT_EQ(fingerprint_of(dial(viewer)), known.identity.fingerprint().to_string());
}

TEST_F(KnownPeersTrust, AResumedSessionIsJudgedByTheListAsItIsNow) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(refusing());
  know("the door", camera);
  find(camera, "the door");
  {
    auto session = dial(viewer);
    ASSERT_TRUE(session) << session.status();
    sim_.run_for(1s);
    auto again = dial(viewer);
    ASSERT_TRUE(again) << again.status();
    EXPECT_TRUE(again->is_resumed());
    sim_.run_for(1s);
  }
  ASSERT_TRUE(peers_->remove("the door").is_ok());
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kUnauthenticated);
  know("the door", camera);
  // A ticket that was got by one name is not used for another.
  find(camera, "the window");
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kUnauthenticated);
  know("the window", camera);
  auto other = dial(viewer);
  ASSERT_TRUE(other) << other.status();
  EXPECT_FALSE(other->is_resumed());
}

TEST_F(KnownPeersTrust, AServerLetsThoseInWhoAreListedByWhateverName) {
  NodeOptions options;
  options.client_trust = refusing();
  Camera& camera = add_camera(options);
  NodeOptions shows;
  shows.identity = Identity::self_signed("viewer", camera.node->loop().wall_time()).value();
  Node& viewer = add_viewer(Trust::pinned({camera.identity.fingerprint()}), shows);
  const auto call = [&]() -> Status {
    auto session = dial(viewer, camera.address);
    if (!session) return session.status();
    auto answer = sim_.run(viewer.loop(), session->client<lab::v1::Lab>().WhoAmI(text("")), 30s);
    return answer ? answer->status() : Status(StatusCode::kInternal, "the call did not end");
  };
  EXPECT_FALSE(call().is_ok());
  ASSERT_TRUE(peers_->add(peer("any name at all", shows.identity->fingerprint())).is_ok());
  EXPECT_TRUE(call().is_ok());
  ASSERT_TRUE(peers_->remove("any name at all").is_ok());
  EXPECT_FALSE(call().is_ok());
}

class Bouncer final : public Plugin {
 public:
  std::string_view name() const override { return "bouncer"; }
  Task<Status> on_session_opening(Node&, Session) override {
    co_return Status(StatusCode::kPermissionDenied, "not tonight");
  }
};

TEST_F(KnownPeersTrust, WhomAPluginDoesNotLetInIsNotWrittenDown) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(accepting());
  ASSERT_TRUE(viewer.add_plugin(std::make_shared<Bouncer>()).is_ok());
  find(camera, "the door");
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kPermissionDenied);
  EXPECT_THAT(peers_->list(), IsEmpty());
}

// A list of the program's own.
class FailingPeers final : public KnownPeers {
 public:
  Status outcome;
  bool throws = false;
  std::optional<KnownPeer> find(std::string_view) const override {
    if (throws) throw std::runtime_error("no list");
    return std::nullopt;
  }
  std::optional<KnownPeer> find(const Fingerprint&) const override { return std::nullopt; }
  std::vector<KnownPeer> list() const override { return {}; }
  Status add(const KnownPeer&) override { return outcome; }
  Status remove(std::string_view) override { return Status::ok(); }
};

TEST_F(KnownPeersTrust, WhoeverCannotBeWrittenDownIsNotBelieved) {
  Camera& camera = add_camera();
  auto failing = std::make_shared<FailingPeers>();
  Node& viewer = add_viewer(Trust::known_peers(failing, FirstUse::kAccept));
  find(camera, "the door");
  failing->outcome = Status(StatusCode::kUnavailable, "the disk is full");
  const Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the disk is full"));
  // Another session has written another certificate down while this one was under way.
  failing->outcome = Status(StatusCode::kAlreadyExists, "known by another");
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kUnauthenticated);
  failing->throws = true;
  EXPECT_EQ(code_of_dial(viewer), StatusCode::kUnauthenticated);
  sim_.run_for(1s);
  EXPECT_THAT(viewer.sessions(), IsEmpty());
}

TEST_F(KnownPeersTrust, NeedsAList) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(Trust::known_peers(nullptr));
  EXPECT_EQ(dial(viewer, camera.address).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::testing
