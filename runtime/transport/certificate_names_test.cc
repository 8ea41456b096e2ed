// What Session::peer_identity() shows of a certificate.
#include "runtime/transport/certificate_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "runtime/transport/certificate.h"
#include "runtime/transport/identity_impl.h"
#include "tests/support/test_certificates.h"

namespace echostream::transport {
namespace {

using testing::CertificateSpec;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kCertificateTestTime;
using testing::TestCertificate;

PeerIdentity describe(const CertificateSpec& spec) {
  const Identity identity = TestCertificate::self_signed(spec).identity();
  const PeerIdentity described =
      describe_peer(identity.impl().chain.front().get(), Trust::Mode::kPinned);
  EXPECT_EQ(described.fingerprint(), identity.fingerprint());
  EXPECT_EQ(ERR_peek_error(), 0u);
  return described;
}

CertificateSpec robot() {
  CertificateSpec spec;
  spec.common_name = "Roboter N\xc2\xba 7";
  spec.dns_names = {"Robot-7.Example", "*.robots.example"};
  spec.ip_addresses = {"192.0.2.7", "2001:db8::7"};
  spec.uris = {"spiffe://example.org/robot/7"};
  spec.email_addresses = {"robot@example.org"};
  return spec;
}

TEST(PeerIdentity, HasEveryNameOfTheCertificateByItsKind) {
  const PeerIdentity identity = describe(robot());
  EXPECT_EQ(identity.common_name(), "Roboter N\xc2\xba 7");
  EXPECT_THAT(identity.dns_names(), ElementsAre("robot-7.example", "*.robots.example"));
  EXPECT_THAT(identity.ip_addresses(), ElementsAre("192.0.2.7", "2001:db8::7"));
  EXPECT_THAT(identity.uris(), ElementsAre("spiffe://example.org/robot/7"));
  EXPECT_THAT(identity.email_addresses(), ElementsAre("robot@example.org"));
  EXPECT_EQ(identity.omitted_names(), 0u);
}

TEST(PeerIdentity, TellsTheValidityAndHowItWasVerified) {
  const PeerIdentity identity = describe(robot());
  EXPECT_EQ(identity.not_before(), robot().not_before);
  EXPECT_EQ(identity.not_after(), robot().not_after);
  EXPECT_EQ(identity.verified_by(), Trust::Mode::kPinned);
}

TEST(PeerIdentity, ShowsAValidityBeyondTheEndOfTimeAsThatEnd) {
  CertificateSpec spec = robot();
  spec.not_after = WallTime(std::chrono::floor<std::chrono::seconds>(Duration::max()));
  EXPECT_EQ(describe(spec).not_after(), spec.not_after);
}

TEST(PeerIdentity, LeavesNamesOutThatAreNotWhatTheyShouldBe) {
  CertificateSpec spec;
  spec.common_name = "two\nlines";
  spec.dns_names = {"good.example",  "with space.example", "a.*.example",        "-.example",
                    "good.example.", "192.0.2.1",          std::string(300, 'a')};
  spec.uris = {"urn:with space", "urn:fine"};
  const PeerIdentity identity = describe(spec);
  EXPECT_EQ(identity.common_name(), "");
  EXPECT_THAT(identity.dns_names(), ElementsAre("good.example"));
  EXPECT_THAT(identity.uris(), ElementsAre("urn:fine"));
  EXPECT_EQ(identity.omitted_names(), 8u);
}

TEST(PeerIdentity, ShowsNoTextThatTurnsItsDirectionAround) {
  CertificateSpec spec;
  spec.common_name = "nimda\xe2\x80\xae";  // U+202E
  EXPECT_EQ(describe(spec).common_name(), "");
  spec.common_name = "caf\xc3\xa9 \xf0\x9f\xa4\x96";
  EXPECT_EQ(describe(spec).common_name(), spec.common_name);
}

TEST(PeerIdentity, HoldsAtMost64NamesAndSaysHowManyMoreThereAre) {
  CertificateSpec spec;
  spec.common_name = "many";
  for (int i = 0; i < 100; ++i) spec.dns_names.push_back("host" + std::to_string(i) + ".example");
  const PeerIdentity identity = describe(spec);
  EXPECT_EQ(identity.dns_names().size(), 64u);
  EXPECT_EQ(identity.dns_names().back(), "host63.example");
  EXPECT_EQ(identity.omitted_names(), 36u);
}

TEST(PeerIdentity, HasNoNamesWhereThereAreNone) {
  CertificateSpec spec;
  spec.common_name = "label only";
  const PeerIdentity identity = describe(spec);
  EXPECT_THAT(identity.dns_names(), IsEmpty());
  EXPECT_THAT(identity.ip_addresses(), IsEmpty());
  EXPECT_EQ(identity.omitted_names(), 0u);
}

TEST(PeerIdentity, OfBytesThatAreNoCertificateIsTheFingerprintAlone) {
  const std::string noise = "no certificate";
  const bssl::UniquePtr<CRYPTO_BUFFER> buffer(
      CRYPTO_BUFFER_new(as_bytes(noise).data(), noise.size(), nullptr));
  const PeerIdentity identity = describe_peer(buffer.get(), Trust::Mode::kPinned);
  EXPECT_EQ(identity.fingerprint(), fingerprint_of(buffer.get()));
  EXPECT_EQ(identity.common_name(), "");
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace echostream::transport
