// Whom a node believes that finds others by name: what its trust says, whatever the network says.
#include <gmock/gmock.h>

#include "discovery/resolver/neighbourhood_test_support.h"
#include "tests/support/test_certificates.h"

namespace echostream::discovery::testing {
namespace {

using namespace std::chrono_literals;
using echostream::testing::CertificateSpec;
using echostream::testing::LinkOptions;
using echostream::testing::TestCertificate;
using ::testing::AllOf;
using ::testing::HasSubstr;

CertificateSpec spec_for(Loop& loop, const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.dns_names = {name};
  spec.not_before = loop.wall_time() - 24h;
  spec.not_after = loop.wall_time() + 24h * 30;
  return spec;
}

class MdnsTrust : public ::testing::Test, public Neighbourhood {};

TEST_F(MdnsTrust, FindsTheTrueOneBehindAnImpostorWithItsNameAndFingerprint) {
  Machine& impostor = add_server("impostor", "a");
  Machine& camera = add_server("camera", "camera");
  const auto same_name = pretend(impostor, "camera", camera);
  const auto other_name = pretend(impostor, "b", camera);
  sim.run_for(5s);
  Machine& client = add_client(pinned(camera));
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_EQ(call(client, "echostream+mdns:camera"), Status::ok());
  EXPECT_EQ(camera.handler->calls, 2);
  EXPECT_EQ(impostor.handler->calls, 0);
  EXPECT_GE(impostor.node->stats().handshakes_started, 2u) << "it was not tried at all";
}

TEST(MdnsTrustRandom, FindsTheTrueOneAmongImpostorsUnderAnySeed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Neighbourhood world(seed);
    Machine& impostor = world.add_server("impostor", "zebra");
    Machine& camera = world.add_machine("camera");
    Machine& client = world.add_client(world.pinned(camera));
    std::vector<std::unique_ptr<Pending>> injected;
    for (std::uint64_t i = 0; i < seed % 7; ++i) {
      injected.push_back(world.pretend(impostor, "a" + std::to_string(i), camera));
    }
    LinkOptions link;
    link.delay = 2ms;
    link.loss = 0.05;
    world.sim.set_link("camera", client.host, link);
    world.serve(camera, "camera");
    EXPECT_EQ(world.call(client, kByService), Status::ok()) << "seed " << seed;
    EXPECT_EQ(camera.handler->calls, 1) << "seed " << seed;
    EXPECT_EQ(impostor.handler->calls, 0) << "seed " << seed;
  }
}

TEST_F(MdnsTrust, RefusesAnImpostorWhoIsAlone) {
  Machine& impostor = add_server("impostor", "a");
  Machine& camera = add_machine("camera");
  const auto injected = pretend(impostor, "camera", camera);
  Machine& client = add_client(pinned(camera));
  EXPECT_EQ(connect(client, kByService).status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(connect(client, "echostream+mdns:camera").status().code(),
            StatusCode::kUnauthenticated);
}

TEST_F(MdnsTrust, RemembersWhoAnsweredFirstAndRefusesAnotherByThatName) {
  Machine& camera = add_server("camera", "camera");
  const auto peers = make_memory_known_peers();
  Machine& client = add_client(Trust::known_peers(peers, FirstUse::kAccept));
  EXPECT_EQ(call(client, "echostream+mdns:camera"), Status::ok());
  const auto known = peers->find("camera");
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->fingerprint, camera.identity->fingerprint());
  EXPECT_EQ(call(client, "echostream+mdns:camera"), Status::ok());

  stop(camera);
  sim.run_for(5s);
  Machine& other = add_server("other", "camera");
  EXPECT_THAT(
      connect(client, "echostream+mdns:camera").status().to_string(),
      AllOf(HasSubstr("UNAUTHENTICATED"), HasSubstr(camera.identity->fingerprint().to_string()),
            HasSubstr(other.identity->fingerprint().to_string())));
  EXPECT_EQ(other.handler->calls, 0);
  EXPECT_EQ(peers->list().size(), 1u);
}

TEST_F(MdnsTrust, TakesAKnownPeerOfAServiceByWhateverName) {
  Machine& stranger = add_server("stranger", "a");
  Machine& camera = add_server("camera", "camera");
  const auto peers = make_memory_known_peers();
  KnownPeer known;
  known.name = "paired under another name";
  known.fingerprint = camera.identity->fingerprint();
  ASSERT_TRUE(peers->add(known).is_ok());
  Machine& client = add_client(Trust::known_peers(peers, FirstUse::kAccept));
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_EQ(camera.handler->calls, 1);
  EXPECT_EQ(stranger.handler->calls, 0);
  EXPECT_EQ(peers->list().size(), 1u) << "nobody was believed at first use";
}

TEST_F(MdnsTrust, BelievesSomebodyNewByAServiceOnlyWhenNobodyKnownIsThere) {
  Machine& camera = add_server("camera", "camera");
  const auto peers = make_memory_known_peers();
  KnownPeer known;
  known.name = "one that is off";
  known.fingerprint = Fingerprint(Fingerprint::Digest{7});
  ASSERT_TRUE(peers->add(known).is_ok());
  Machine& client = add_client(Trust::known_peers(peers, FirstUse::kAccept));
  EXPECT_EQ(call(client, kByService), Status::ok());
  ASSERT_TRUE(peers->find("camera").has_value());
  EXPECT_EQ(peers->find("camera")->fingerprint, camera.identity->fingerprint());
}

TEST_F(MdnsTrust, AKnownPeersFingerprintGetsNobodyElseInAtFirstUse) {
  Machine& impostor = add_server("impostor", "a");
  Machine& camera = add_machine("camera");
  const auto peers = make_memory_known_peers();
  KnownPeer known;
  known.name = "the door";
  known.fingerprint = camera.identity->fingerprint();
  ASSERT_TRUE(peers->add(known).is_ok());
  const auto injected = pretend(impostor, "a newcomer", camera);
  Machine& client = add_client(Trust::known_peers(peers, FirstUse::kAccept));
  EXPECT_EQ(connect(client, kByService).status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(impostor.handler->calls, 0);
  EXPECT_EQ(peers->list().size(), 1u) << "nobody was believed at first use";
}

TEST_F(MdnsTrust, RefusesStrangersWhereFirstUseIsNotAllowed) {
  add_server("camera", "camera");
  Machine& client = add_client(Trust::known_peers(make_memory_known_peers()));
  EXPECT_EQ(connect(client, kByService).status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(connect(client, "echostream+mdns:camera").status().code(),
            StatusCode::kUnauthenticated);
}

class MdnsAuthorities : public MdnsTrust {
 protected:
  MdnsAuthorities() {
    CertificateSpec spec = spec_for(*camera.loop, "Cameras");
    spec.dns_names.clear();
    spec.is_ca = true;
    root.emplace(TestCertificate::self_signed(spec));
    camera.identity = root->issue(spec_for(*camera.loop, "camera.example")).identity();
  }
  Trust trust() const { return Trust::certificate_authorities(root->certificate_pem()).value(); }

  Machine& camera = add_machine("camera");
  std::optional<TestCertificate> root;
};

TEST_F(MdnsAuthorities, VouchForANodeWhoseNameIsInItsCertificate) {
  serve(camera, "camera.example");
  Machine& other = add_machine("other");
  other.identity = root->issue(spec_for(*other.loop, "other.example")).identity();
  serve(other, "disguised.example");
  Machine& client = add_client(trust());
  EXPECT_EQ(call(client, "echostream+mdns:\"camera.example\""), Status::ok());
  EXPECT_EQ(connect(client, "echostream+mdns:\"disguised.example\"").status().code(),
            StatusCode::kUnauthenticated);
}

TEST_F(MdnsAuthorities, DoNotVouchForServices) {
  serve(camera, "camera.example");
  Machine& client = add_client(trust());
  EXPECT_THAT(
      connect(client, kByService).status().to_string(),
      AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("MdnsResolverOptions::server_name")));
  EXPECT_THAT(
      client.node->keep_connected("echostream+mdns:camera at the door").status().to_string(),
      AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("not a host name")));
}

TEST_F(MdnsAuthorities, VouchForTheOneNameThatAllDevicesHave) {
  serve(camera, "camera at the door");
  MdnsResolverOptions options;
  options.server_name = "camera.example";
  Machine& client = add_client(trust(), options);
  EXPECT_EQ(call(client, kByService), Status::ok());
  EXPECT_EQ(call(client, "echostream+mdns:camera at the door"), Status::ok());

  options.server_name = "no host";
  Machine& wrong = add_client(trust(), options);
  EXPECT_EQ(connect(wrong, kByService).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::discovery::testing
