#include "runtime/transport/issue_certificate.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "runtime/transport/certificate_check.h"
#include "runtime/transport/certificate_facts.h"
#include "runtime/transport/identity_impl.h"
#include "tests/support/test_certificates.h"

namespace echostream::transport {
namespace {

using testing::kCertificateTestTime;

CertificateRequest request_for(const std::string& name) {
  CertificateRequest request;
  request.common_name = name;
  request.now = kCertificateTestTime;
  request.validity = std::chrono::hours(24 * 30);
  return request;
}

Identity make_authority(const std::string& name, const Identity* issuer = nullptr) {
  CertificateRequest request = request_for(name);
  request.is_authority = true;
  return issue_certificate(request, issuer).value();
}

Verdict check_as_server(const Identity& root, const Identity& leaf, const std::string& name) {
  const auto authorities = CertificateAuthorities::make(root.certificate_chain_pem()).value();
  ChainQuery query;
  for (const auto& certificate : leaf.impl().chain) query.chain.push_back(certificate.get());
  query.peer_is_server = true;
  query.server_name = name;
  query.now = kCertificateTestTime;
  return authorities.check(query);
}

TEST(IssueCertificate, MakesLeavesThatPeersOfTheAuthorityBelieve) {
  const Identity root = make_authority("Our CA");
  CertificateRequest request = request_for("robot");
  request.hosts = {"robot.example", "*.robots.example", "192.0.2.7", "2001:db8::7"};
  const auto leaf = issue_certificate(request, &root);
  ASSERT_TRUE(leaf) << leaf.error();
  for (const char* name : {"robot.example", "a.robots.example", "192.0.2.7", "2001:db8::7"}) {
    const Verdict verdict = check_as_server(root, *leaf, name);
    EXPECT_TRUE(verdict.status.is_ok()) << name << ": " << verdict.status;
  }
  EXPECT_FALSE(check_as_server(root, *leaf, "b.example").status.is_ok());
  EXPECT_FALSE(check_as_server(make_authority("Our CA"), *leaf, "robot.example").status.is_ok());
}

TEST(IssueCertificate, ShowsTheIntermediatesAndNotTheRoot) {
  const Identity root = make_authority("root");
  const Identity below = make_authority("below", &root);
  CertificateRequest request = request_for("robot");
  request.hosts = {"robot.example"};
  const auto leaf = issue_certificate(request, &below);
  ASSERT_TRUE(leaf) << leaf.error();
  EXPECT_EQ(leaf->impl().chain.size(), 2u);
  const Verdict verdict = check_as_server(root, *leaf, "robot.example");
  EXPECT_TRUE(verdict.status.is_ok()) << verdict.status;
}

TEST(IssueCertificate, RefusesAnIssuerThatIsNoAuthority) {
  const Identity leaf = Identity::self_signed("robot", kCertificateTestTime).value();
  const auto issued = issue_certificate(request_for("other"), &leaf);
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(issued.error().message().find("CA:TRUE"), std::string_view::npos);
}

TEST(IssueCertificate, RefusesWhatIsNoHost) {
  for (const char* bad : {"", "a b", "*.", "*.*.example", "192.0.2.7/24", "https://a"}) {
    CertificateRequest request = request_for("robot");
    request.hosts = {bad};
    EXPECT_EQ(issue_certificate(request).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(IssueCertificate, KnowsAHostHoweverItIsSpelt) {
  EXPECT_EQ(distinct_hosts({"a.example", "A.Example.", "::1", "0:0:0:0:0:0:0:1", "127.0.0.1",
                            "127.0.0.1", "::ffff:127.0.0.1", "*.example", "b c"}),
            (std::vector<std::string>{"a.example", "::1", "127.0.0.1", "*.example", "b c"}));
  EXPECT_TRUE(distinct_hosts({}).empty());
}

TEST(CertificateFacts, TellWhatAPersonWantsToKnow) {
  const Identity root = make_authority("Our CA");
  CertificateRequest request = request_for("robot");
  request.hosts = {"robot.example", "192.0.2.7"};
  const Identity leaf = issue_certificate(request, &root).value();
  const auto facts = describe_certificates(
      leaf.certificate_chain_pem() + root.certificate_chain_pem(), "the file");
  ASSERT_TRUE(facts) << facts.error();
  ASSERT_EQ(facts->size(), 2u);
  const CertificateFacts& first = facts->front();
  EXPECT_EQ(first.subject, "robot");
  EXPECT_EQ(first.issuer, "Our CA");
  EXPECT_EQ(first.key, "ECDSA P-256");
  EXPECT_EQ(first.identity.fingerprint(), leaf.fingerprint());
  EXPECT_EQ(first.identity.dns_names(), std::vector<std::string>{"robot.example"});
  EXPECT_EQ(first.identity.not_after(), kCertificateTestTime + request.validity);
  EXPECT_TRUE(first.may_serve && first.may_dial && !first.is_authority && !first.is_self_issued);
  EXPECT_TRUE(facts->back().is_authority && facts->back().is_self_issued);
}

TEST(CertificateFacts, SayWhatIsWrongWithAFile) {
  const auto nothing = describe_certificates("hello", "x.pem");
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message().find("x.pem"), std::string_view::npos);
  EXPECT_FALSE(read_certificate_file("/no/such/file"));
}

}  // namespace
}  // namespace echostream::transport
