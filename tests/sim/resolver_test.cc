// Targets of resolvers: who is dialled, in which order, and what is said when nobody is found.
#include "echostream/node_stats.h"

#include "tests/sim/discovered_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kNobody[] = "10.0.0.99:4433";  // packets to it are lost

class Resolvers : public DiscoveredWorld {
 protected:
  static Trust pinned_to(const Camera& camera) {
    return Trust::pinned({camera.identity.fingerprint()});
  }
};

TEST_F(Resolvers, DialsWhatIsFoundLate) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  resolver_->finds(0s, {}).finds(3s, {candidate_at(camera.address)});
  EXPECT_EQ(fingerprint_of(dial(viewer)), camera.identity.fingerprint().to_string());
  EXPECT_THAT(resolver_->looked_up, ElementsAre("camera"));
  EXPECT_EQ(resolver_->under_way, 0);
  EXPECT_LT(sim_.elapsed(), 3100ms);
}

TEST_F(Resolvers, TakesTheGenuinePeerWhoeverAnswersBeforeIt) {
  add_camera();
  add_camera();
  Camera& genuine = add_camera();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(0s, {candidate_at(cameras_[0].address), candidate_at(cameras_[1].address)})
      .finds(2s, {candidate_at(kNobody), candidate_at(genuine.address)}, true);
  EXPECT_EQ(fingerprint_of(dial(viewer)), genuine.identity.fingerprint().to_string());
  // The silent one has its 250 ms before the next has its turn.
  EXPECT_LT(sim_.elapsed(), 2300ms);
}

TEST_F(Resolvers, AnImpostorThatFailsLeavesItsTurnToTheNextAtOnce) {
  add_camera();
  add_camera();
  Camera& genuine = add_camera();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(0s, {candidate_at(cameras_[0].address), candidate_at(cameras_[1].address),
                        candidate_at(genuine.address)});
  EXPECT_EQ(fingerprint_of(dial(viewer)), genuine.identity.fingerprint().to_string());
  EXPECT_LT(sim_.elapsed(), 100ms);
}

TEST_F(Resolvers, SaysWhoWasRefusedRatherThanThatAnotherWasSilent) {
  Camera& impostor = add_camera();
  Camera& genuine = add_camera();
  genuine.node.reset();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(0s, {candidate_at(impostor.address), candidate_at(kNobody)}, true);
  const Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("connect to test+lan:camera"), HasSubstr("not the pinned one")));
}

TEST_F(Resolvers, FailsAtOnceWhenAllThatThereAreHaveFailed) {
  Camera& impostor = add_camera();
  Camera& genuine = add_camera();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(0s, {candidate_at(impostor.address)}, true);
  EXPECT_EQ(dial(viewer).status().code(), StatusCode::kUnauthenticated);
  EXPECT_LT(sim_.elapsed(), 100ms);
}

TEST_F(Resolvers, WaitsForOthersWhenSomeHaveFailedAndMoreMayCome) {
  Camera& impostor = add_camera();
  Camera& genuine = add_camera();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(0s, {candidate_at(impostor.address)}).finds(4s, {candidate_at(genuine.address)});
  EXPECT_EQ(fingerprint_of(dial(viewer)), genuine.identity.fingerprint().to_string());
  EXPECT_GE(sim_.elapsed(), 4s);
}

TEST_F(Resolvers, SaysWhenNobodyWasFoundInTime) {
  Camera& camera = add_camera();
  NodeOptions options;
  options.handshake_timeout = 2s;
  Node& viewer = add_viewer(pinned_to(camera), options);
  // There may still be somebody who has not answered.
  resolver_->finds(100ms, {}, true);
  const Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("nobody who is 'camera' answered"));
  EXPECT_GE(sim_.elapsed(), 2s);
  EXPECT_EQ(resolver_->under_way, 0);
}

TEST_F(Resolvers, PassesOnWhyNothingCanBeFound) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  resolver_->fails(1s, Status(StatusCode::kUnavailable, "install avahi-daemon"));
  const Status status = dial(viewer).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("connect to test+lan:camera"), HasSubstr("install avahi-daemon")));
  EXPECT_LT(sim_.elapsed(), 1100ms);
}

TEST_F(Resolvers, ATargetThatIsNeighboursTextReachesNoTerminal) {
  Node& viewer = add_viewer(Trust::insecure_accept_any());
  const std::string name = "a\x1b[1m\nb";
  const auto shown = HasSubstr(R"(a\x1b[1m\x0ab)");
  resolver_->fails(0s, Status(StatusCode::kUnavailable, "gone"));
  EXPECT_THAT(std::string(dial(viewer, "test+lan:" + name).status().message()), shown);
  EXPECT_THAT(std::string(dial(viewer, "lan:" + name).status().message()), shown);
  resolver_->verdict = Status(StatusCode::kInvalidArgument, "no name");
  EXPECT_THAT(std::string(viewer.keep_connected("test+lan:" + name).status().message()), shown);
}

TEST_F(Resolvers, ALookupThatFailsDoesNotEndADialThatIsUnderWay) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  LinkOptions slow;
  slow.delay = 300ms;
  sim_.set_link("host1", "host2", slow);
  resolver_->finds(0s, {candidate_at(camera.address)})
      .fails(10ms, Status(StatusCode::kUnavailable, "the daemon is gone"));
  EXPECT_EQ(fingerprint_of(dial(viewer)), camera.identity.fingerprint().to_string());
}

TEST_F(Resolvers, DialsNoMoreThanSixteenOfThoseThatANetworkMakesUp) {
  Camera& camera = add_camera();
  NodeOptions options;
  options.handshake_timeout = 20s;
  Node& viewer = add_viewer(pinned_to(camera), options);
  for (int i = 0; i < 10; ++i) {
    resolver_->finds(1s * i, std::vector<DialCandidate>(100, candidate_at(kNobody)));
  }
  resolver_->finds(10s, {candidate_at(camera.address)});
  EXPECT_EQ(dial(viewer).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(viewer.stats().sessions_dialled, 16u);
}

TEST_F(Resolvers, ATargetOfNoResolverSaysWhichToAdd) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  for (const char* target : {"echostream+mdns:camera", "echostream+mdns:4433"}) {
    const Status status = dial(viewer, target).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("'echostream+mdns:'"), HasSubstr("Node::add_resolver()"),
                      HasSubstr("EchoStream::discovery")));
    EXPECT_EQ(viewer.keep_connected(target).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(std::string(dial(viewer, "mdns:camera").status().message()),
              AllOf(HasSubstr("the port is not a number"), HasSubstr("no resolver for 'mdns:'")));
}

TEST_F(Resolvers, AHostAndItsPortAreDialledAsEver) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  sim_.add_host("camera.local", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  EXPECT_EQ(fingerprint_of(dial(viewer, camera.address)),
            camera.identity.fingerprint().to_string());
  EXPECT_EQ(fingerprint_of(dial(viewer, "camera.local:4433")),
            camera.identity.fingerprint().to_string());
  EXPECT_THAT(resolver_->looked_up, ElementsAre());
  EXPECT_EQ(dial(viewer, "camera.local:0").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Resolvers, AreAddedOnceForASchemeWhichIsOne) {
  class Odd final : public Resolver {
   public:
    explicit Odd(std::string scheme) : scheme_(std::move(scheme)) {}
    std::string_view scheme() const override { return scheme_; }
    Status check(std::string_view, const Trust&) const override { return Status::ok(); }
    std::unique_ptr<Pending> resolve(std::string, const Trust&, Callback) override {
      return nullptr;
    }

   private:
    std::string scheme_;
  };
  Node& viewer = add_viewer(Trust::insecure_accept_any());
  EXPECT_EQ(viewer.add_resolver(nullptr).code(), StatusCode::kInvalidArgument);
  for (const char* scheme : {"", "1a", "a b", "a:b", "\xC3\xA4"}) {
    EXPECT_EQ(viewer.add_resolver(std::make_shared<Odd>(scheme)).code(),
              StatusCode::kInvalidArgument)
        << scheme;
  }
  EXPECT_EQ(viewer.add_resolver(std::make_shared<Odd>("TEST+lan")).code(),
            StatusCode::kAlreadyExists);
  EXPECT_TRUE(viewer.add_resolver(std::make_shared<Odd>("other")).is_ok());
}

TEST_F(Resolvers, WhatAResolverCannotFindIsSaidBeforeAnythingIsDialled) {
  Node& viewer = add_viewer(Trust::insecure_accept_any());
  resolver_->verdict = Status(StatusCode::kFailedPrecondition, "not with this trust");
  EXPECT_EQ(dial(viewer).status().code(), StatusCode::kFailedPrecondition);
  const auto kept = viewer.keep_connected("test+lan:camera");
  EXPECT_EQ(kept.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(kept.status().message()), HasSubstr("not with this trust"));
  EXPECT_THAT(resolver_->looked_up, ElementsAre());
}

TEST_F(Resolvers, APersistentSessionFollowsAPeerThatMoves) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  resolver_->finds(10ms, {candidate_at(camera.address)}, true);
  ReconnectOptions options;
  options.initial_delay = 100ms;
  auto kept = viewer.keep_connected("TEST+LAN:camera", options);
  ASSERT_TRUE(kept) << kept.status();
  ASSERT_TRUE(sim_.run_until([&] { return kept->session().has_value(); }, 5s));

  resolver_->script.clear();
  resolver_->finds(10ms, {candidate_at("10.0.0.1:5544")}, true);
  Loop& loop = camera.node->loop();
  camera.node.reset();
  NodeOptions again;
  again.identity = camera.identity;
  camera.node = std::make_unique<Node>(loop, again);
  ASSERT_TRUE(camera.node->listen("10.0.0.1:5544"));
  ASSERT_TRUE(sim_.run_until(
      [&] {
        const auto session = kept->session();
        return session && session->remote_address().port() == 5544;
      },
      10s));
}

TEST_F(Resolvers, AnImpostorDoesNotEndAPersistentSession) {
  Camera& impostor = add_camera();
  Camera& genuine = add_camera();
  Node& viewer = add_viewer(pinned_to(genuine));
  resolver_->finds(10ms, {candidate_at(impostor.address)}, true);
  auto kept = viewer.keep_connected("test+lan:camera");
  ASSERT_TRUE(kept) << kept.status();
  sim_.run_for(3s);
  EXPECT_EQ(kept->status().last_error.code(), StatusCode::kUnauthenticated);
  EXPECT_NE(kept->status().state, ConnectionState::kClosed);
  resolver_->script.clear();
  resolver_->finds(10ms, {candidate_at(genuine.address)}, true);
  EXPECT_TRUE(sim_.run_until([&] { return kept->session().has_value(); }, 60s));
}

TEST_F(Resolvers, ADialThatIsDroppedLooksNoFurther) {
  Camera& camera = add_camera();
  Node& viewer = add_viewer(pinned_to(camera));
  resolver_->finds(5s, {candidate_at(camera.address)});
  {
    TaskGroup group(viewer.loop());
    std::optional<Result<Session>> outcome;
    const auto keep = [](Task<Result<Session>> task,
                         std::optional<Result<Session>>& out) -> Task<void> {
      out = co_await std::move(task);
    };
    group.spawn(keep(viewer.connect("test+lan:camera"), outcome));
    sim_.run_for(1s);
    EXPECT_EQ(resolver_->under_way, 1);
  }
  EXPECT_EQ(resolver_->under_way, 0);
  sim_.run_for(10s);
  EXPECT_EQ(viewer.stats().sessions_dialled, 0u);
}

}  // namespace
}  // namespace echostream::testing
