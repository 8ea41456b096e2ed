#include "tools/echostream/cert/certificate_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/transport/issue_certificate.h"

namespace echostream::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transport::CertificateFacts;
using transport::CertificateRequest;

constexpr WallTime kNow{std::chrono::seconds(1'717'243'200)};  // 2024-06-01 12:00:00 UTC
constexpr Duration kDay = std::chrono::hours(24);

CertificateRequest a_request() {
  CertificateRequest request;
  request.common_name = "robot";
  request.hosts = {"robot.example", "192.0.2.7"};
  request.now = kNow;
  request.validity = 90 * kDay;
  return request;
}

Identity authority() {
  CertificateRequest request = a_request();
  request.common_name = "Our CA";
  request.hosts.clear();
  request.is_authority = true;
  return transport::issue_certificate(request).value();
}

std::vector<CertificateFacts> issued(const CertificateRequest& request) {
  const Identity root = authority();
  const Identity leaf = transport::issue_certificate(request, &root).value();
  return transport::describe_certificates(leaf.certificate_chain_pem(), "chain").value();
}

TEST(CertificateText, SaysDatesAndNames) {
  EXPECT_EQ(date_text(kNow), "2024-06-01 12:00:00 UTC");
  EXPECT_THAT(alternative_names(issued(a_request()).front().identity),
              ElementsAre("DNS:robot.example", "IP:192.0.2.7"));
}

TEST(CertificateWarnings, AreNoneForOneThatIsFine) {
  EXPECT_THAT(certificate_warnings(issued(a_request()), kNow), IsEmpty());
  EXPECT_THAT(certificate_warnings({}, kNow), IsEmpty());
}

TEST(CertificateWarnings, TellOfDates) {
  const auto chain = issued(a_request());
  EXPECT_THAT(certificate_warnings(chain, kNow + 80 * kDay), ElementsAre("it expires in 10 days"));
  EXPECT_THAT(certificate_warnings(chain, kNow + 91 * kDay),
              ElementsAre(HasSubstr("it expired 1 day ago, on 2024-08-30")));
  EXPECT_THAT(certificate_warnings(chain, kNow - 2 * kDay),
              ElementsAre(HasSubstr("not valid before 2024-05-31")));
}

TEST(CertificateWarnings, TellOfNamesAndUses) {
  CertificateRequest nameless = a_request();
  nameless.hosts.clear();
  EXPECT_THAT(certificate_warnings(issued(nameless), kNow),
              ElementsAre(HasSubstr("names no host")));
  const auto root =
      transport::describe_certificates(authority().certificate_chain_pem(), "root").value();
  EXPECT_THAT(certificate_warnings(root, kNow), ElementsAre(HasSubstr("CA:TRUE")));
  const auto own = transport::describe_certificates(
      transport::issue_certificate(a_request())->certificate_chain_pem(), "own");
  EXPECT_THAT(certificate_warnings(*own, kNow), ElementsAre(HasSubstr("self-signed")));
}

TEST(CertificateWarnings, TellOfWhoOutlivesItsIssuer) {
  CertificateRequest request = a_request();
  request.common_name = "Our robots";
  request.is_authority = true;
  const Identity intermediate = [&] {
    const Identity root = authority();
    return transport::issue_certificate(request, &root).value();
  }();
  request = a_request();
  const auto chain_of = [&](Duration validity) {
    request.validity = validity;
    const Identity leaf = transport::issue_certificate(request, &intermediate).value();
    return transport::describe_certificates(leaf.certificate_chain_pem(), "chain").value();
  };
  ASSERT_EQ(chain_of(90 * kDay).size(), 2u);
  EXPECT_THAT(certificate_warnings(chain_of(90 * kDay), kNow), IsEmpty());
  EXPECT_THAT(certificate_warnings(chain_of(92 * kDay), kNow),
              ElementsAre(HasSubstr("outlives who issued it, Our robots, whose certificate "
                                    "ends on 2024-08-30")));
}

TEST(CertificateWarnings, TellOfChainsOutOfOrder) {
  auto chain = issued(a_request());
  const auto other = issued(a_request());
  chain.push_back(other.front());
  EXPECT_THAT(certificate_warnings(chain, kNow), ElementsAre(HasSubstr("did not issue")));
}

}  // namespace
}  // namespace echostream::tool
