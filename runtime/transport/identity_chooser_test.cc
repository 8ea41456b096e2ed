// Several identities of one server, by the name that the client dials.
#include "runtime/transport/identity_chooser.h"

#include <gtest/gtest.h>

#include "tests/support/test_certificates.h"
#include "tests/support/tls_pair.h"

namespace echostream::transport {
namespace {

using testing::authority;
using testing::CertificateSpec;
using testing::client_trusting;
using testing::KeyKind;
using testing::TestCertificate;
using testing::TlsPair;
using testing::trust_in;

Identity with_names(std::vector<std::string> names, KeyKind key = KeyKind::kP256) {
  CertificateSpec spec;
  spec.common_name = names.empty() ? "nameless" : names.front();
  spec.dns_names = std::move(names);
  spec.key = key;
  return TestCertificate::self_signed(spec).identity();
}

class Choosing : public ::testing::Test {
 protected:
  // The place of the identity that is chosen.
  std::size_t choice(std::string_view name) const {
    return static_cast<std::size_t>(&chooser_.choose(name) - chooser_.all().data());
  }
  const IdentityChooser chooser_{{with_names({}), with_names({"a.example", "*.wild.example"}),
                                  with_names({"b.example", "exact.wild.example", "a.example"})}};
};

TEST_F(Choosing, TakesTheOneWithTheName) {
  EXPECT_EQ(choice("a.example"), 1u);  // the first of two
  EXPECT_EQ(choice("b.example"), 2u);
}

TEST_F(Choosing, TakesAWildcardForOneLabelAndAnExactNameBeforeIt) {
  EXPECT_EQ(choice("x.wild.example"), 1u);
  EXPECT_EQ(choice("exact.wild.example"), 2u);
  EXPECT_EQ(choice("wild.example"), 0u);
  EXPECT_EQ(choice("x.y.wild.example"), 0u);
}

TEST_F(Choosing, LooksNeitherAtCaseNorAtTheRootDot) {
  EXPECT_EQ(choice("B.Example."), 2u);
  EXPECT_EQ(choice("X.WILD.example"), 1u);
}

TEST_F(Choosing, TakesTheFirstForEverythingElse) {
  for (const char* name : {"", ".", "*", "*.wild.example.org", "c.example", "192.0.2.1"}) {
    EXPECT_EQ(choice(name), 0u) << name;
  }
  EXPECT_EQ(choice(std::string(1000, '.')), 0u);
}

// The handshake: each name is answered with its certificate, signed by the key that belongs to it,
// of whichever kind the keys are.
TEST(Sni, ShowsEachNameItsCertificateAndOthersTheFirst) {
  const TestCertificate root = TestCertificate::self_signed(authority("Root"));
  const auto leaf = [&](const std::string& name, KeyKind key) {
    CertificateSpec spec = testing::named(name);
    spec.key = key;
    return root.issue(spec).identity();
  };
  const Identity first = leaf("first.example", KeyKind::kP256);
  const Identity rsa = leaf("rsa.example", KeyKind::kRsa2048);
  const Identity wild = leaf("*.wild.example", KeyKind::kP384);
  const Identity second = leaf("second.example", KeyKind::kP256);
  auto options = testing::server_options(first);
  options.more_identities = {rsa, wild, second};
  const auto server = TlsContext::make_server(std::move(options)).value();
  const auto client = client_trusting(trust_in({root}));
  const std::pair<const char*, const Identity*> expected[] = {{"first.example", &first},
                                                              {"rsa.example", &rsa},
                                                              {"any.wild.example", &wild},
                                                              {"second.example", &second}};
  for (const auto& [name, identity] : expected) {
    TlsPair connection(*client, *server, name);
    EXPECT_TRUE(connection.run()) << name << ": " << connection.client.message();
    EXPECT_EQ(connection.client.check.peer_fingerprint, identity->fingerprint()) << name;
    ASSERT_TRUE(connection.client.check.identity) << name;
    EXPECT_EQ(connection.client.check.identity->verified_by(), Trust::Mode::kAuthorities);
  }
  TlsPair stranger(*client, *server, "else.example");
  EXPECT_FALSE(stranger.run());
  EXPECT_EQ(stranger.client.message(),
            "the certificate is for first.example, not for else.example");
  EXPECT_FALSE(stranger.client.check.identity);
}

// A certificate whose key may not sign is noticed when it is given, not when a client asks for it.
TEST(Sni, AnIdentityThatCannotSignIsRefusedAtOnce) {
  CertificateSpec spec = authority("may only issue");
  spec.may_sign = false;
  auto options = testing::server_options(with_names({"a.example"}));
  options.more_identities = {TestCertificate::self_signed(spec).identity()};
  const auto server = TlsContext::make_server(std::move(options));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(server.status().message()).find("cannot be used for TLS"),
            std::string::npos);
}

}  // namespace
}  // namespace echostream::transport
