// The judgement of the peer's certificate: pinned fingerprints, CAs, both directions, resumption.
#include "runtime/transport/peer_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/test_certificates.h"
#include "tests/support/tls_pair.h"

namespace echostream::transport {
namespace {

using ::testing::AllOf;
using testing::authority;
using testing::CertificateSpec;
using testing::client_options;
using testing::client_trusting;
using ::testing::HasSubstr;
using testing::kCertificateTestTime;
using testing::KeyKind;
using testing::kHost;
using testing::named;
using ::testing::Not;
using testing::self_signed;
using testing::server_options;
using testing::server_with;
using testing::ssl_of;
using ::testing::StartsWith;
using testing::TestCertificate;
using testing::TlsPair;
using testing::trust_in;

constexpr Duration kDay = std::chrono::hours(24);

// A client that trusts `authorities` meets a server that shows `identity`.
class Refusal {
 public:
  Refusal(const std::vector<TestCertificate>& authorities, Identity identity,
          const std::string& name = kHost, WallTime now = kCertificateTestTime) {
    const auto client = client_trusting(trust_in(authorities));
    const auto server = server_with(std::move(identity));
    TlsPair connection(*client, *server, name, now);
    accepted_ = connection.run();
    message_ = connection.client.message();
    code_ = connection.client.check.verdict.code();
    alert_ = connection.server.alert_received;
    EXPECT_TRUE(connection.server.check.verdict.is_ok());
    EXPECT_EQ(accepted_, connection.client.check.verdict.is_ok());
    EXPECT_TRUE(connection.client.check.peer_fingerprint.has_value());
    EXPECT_EQ(ERR_peek_error(), 0u);
    EXPECT_EQ(code_, accepted_ ? StatusCode::kOk : StatusCode::kUnauthenticated);
  }
  bool accepted() const { return accepted_; }
  const std::string& message() const { return message_; }
  /// -1 when there was none.
  int alert() const { return alert_.value_or(-1); }

 private:
  bool accepted_ = false;
  std::string message_;
  StatusCode code_{};
  std::optional<int> alert_;
};

TEST(Pinned, AcceptsExactlyTheListedCertificates) {
  const Identity good = self_signed(kHost);
  const Identity bad = self_signed(kHost);
  const auto client =
      client_trusting(Trust::pinned({self_signed("x").fingerprint(), good.fingerprint()}));
  const auto good_server = server_with(good);
  TlsPair accepted(*client, *good_server);
  EXPECT_TRUE(accepted.run());
  EXPECT_EQ(accepted.client.check.peer_fingerprint, good.fingerprint());
  EXPECT_TRUE(accepted.client.check.verdict.is_ok());

  const auto bad_server = server_with(bad);
  TlsPair refused(*client, *bad_server);
  EXPECT_FALSE(refused.run());
  EXPECT_EQ(refused.client.check.verdict.code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(refused.client.message(), "the peer's certificate has fingerprint " +
                                          bad.fingerprint().to_string() +
                                          ", which is not one of the 2 pinned ones");
  EXPECT_EQ(refused.client.check.peer_fingerprint, bad.fingerprint());
  EXPECT_EQ(refused.server.alert_received, SSL_AD_CERTIFICATE_UNKNOWN);
}

TEST(Pinned, LooksAtNeitherNamesNorDates) {
  CertificateSpec spec = named("somebody else");
  spec.not_after = kCertificateTestTime - kDay / 2;
  const Identity identity = TestCertificate::self_signed(spec).identity();
  const auto client = client_trusting(Trust::pinned({identity.fingerprint()}));
  const auto server = server_with(identity);
  TlsPair connection(*client, *server, "192.0.2.7");
  EXPECT_TRUE(connection.run()) << connection.client.message();
}

TEST(Pinned, PinsTheLeafNotAnotherCertificateOfTheChain) {
  const TestCertificate root = TestCertificate::self_signed(authority("Test CA"));
  const Identity identity = root.issue(named(kHost)).identity({root});
  const auto client = client_trusting(Trust::pinned({root.identity().fingerprint()}));
  const auto server = server_with(identity);
  TlsPair connection(*client, *server);
  EXPECT_FALSE(connection.run());
  EXPECT_THAT(connection.client.message(), HasSubstr("which is not the pinned one"));
}

TEST(Insecure, AcceptsAnybodyButStillTellsTheFingerprint) {
  const Identity identity = self_signed("anybody");
  const auto client = client_trusting(Trust::insecure_accept_any());
  const auto server = server_with(identity);
  TlsPair connection(*client, *server, "", WallTime{});
  EXPECT_TRUE(connection.run());
  EXPECT_EQ(connection.client.check.peer_fingerprint, identity.fingerprint());
}

class Authorities : public ::testing::Test {
 protected:
  const TestCertificate root_ = TestCertificate::self_signed(authority("Test CA"));
};

TEST_F(Authorities, AcceptALeafAndItsNameAndTellTheFingerprint) {
  const Identity identity = root_.issue(named(kHost)).identity();
  const auto client = client_trusting(trust_in({root_}));
  const auto server = server_with(identity);
  for (const char* name : {"robot.local", "ROBOT.Local", "robot.local."}) {
    TlsPair connection(*client, *server, name);
    EXPECT_TRUE(connection.run()) << connection.client.message();
    EXPECT_EQ(connection.client.check.peer_fingerprint, identity.fingerprint());
  }
}

TEST_F(Authorities, AcceptAnyOfSeveralCas) {
  const TestCertificate other = TestCertificate::self_signed(authority("Other CA"));
  EXPECT_TRUE(Refusal({other, root_}, root_.issue(named(kHost)).identity()).accepted());
  EXPECT_TRUE(Refusal({other, root_}, other.issue(named(kHost)).identity()).accepted());
}

TEST_F(Authorities, AcceptAChainWithIntermediatesInAnyOrderButNotWithout) {
  const TestCertificate one = root_.issue(authority("Intermediate 1"));
  const TestCertificate two = one.issue(authority("Intermediate 2"));
  const TestCertificate leaf = two.issue(named(kHost));
  EXPECT_TRUE(Refusal({root_}, leaf.identity({two, one})).accepted());
  EXPECT_TRUE(Refusal({root_}, leaf.identity({one, two})).accepted());
  EXPECT_TRUE(Refusal({root_}, leaf.identity({two, one, root_})).accepted());
  const Refusal missing({root_}, leaf.identity());
  EXPECT_FALSE(missing.accepted());
  EXPECT_EQ(missing.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_THAT(missing.message(),
              AllOf(HasSubstr("was issued by 'Intermediate 2', which is not trusted here"),
                    HasSubstr("must send its intermediate certificates")));
  const Refusal half({root_}, leaf.identity({two}));
  EXPECT_FALSE(half.accepted());
  EXPECT_THAT(half.message(), HasSubstr("'Intermediate 2' in the peer's chain was issued by "
                                        "'Intermediate 1', which is not trusted here"));
}

TEST_F(Authorities, MayBeAnIntermediateOrTheLeafItself) {
  const TestCertificate intermediate = root_.issue(authority("Intermediate"));
  const TestCertificate leaf = intermediate.issue(named(kHost));
  EXPECT_TRUE(Refusal({intermediate}, leaf.identity()).accepted());
  EXPECT_TRUE(Refusal({leaf}, leaf.identity()).accepted());
  const TestCertificate alone = TestCertificate::self_signed(named(kHost));
  EXPECT_TRUE(Refusal({alone}, alone.identity()).accepted());
  EXPECT_THAT(Refusal({alone}, alone.identity(), "other.local").message(),
              HasSubstr("not for other.local"));
}

TEST_F(Authorities, AcceptEveryKindOfKey) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kP521, KeyKind::kRsa2048}) {
    CertificateSpec ca = authority("Test CA");
    ca.key = kind;
    CertificateSpec spec = named(kHost);
    spec.key = kind;
    const TestCertificate root = TestCertificate::self_signed(ca);
    const Refusal result({root}, root.issue(spec).identity());
    EXPECT_TRUE(result.accepted()) << static_cast<int>(kind) << ": " << result.message();
  }
}

TEST_F(Authorities, C01_RefuseAnExpiredCertificateWithTheDate) {
  CertificateSpec spec = named(kHost);
  spec.not_after = kCertificateTestTime + kDay;
  const Identity identity = root_.issue(spec).identity();
  EXPECT_TRUE(Refusal({root_}, identity, kHost, spec.not_after - Duration(1)).accepted());
  const Refusal late({root_}, identity, kHost, spec.not_after + std::chrono::seconds(1));
  EXPECT_FALSE(late.accepted());
  EXPECT_EQ(late.alert(), SSL_AD_CERTIFICATE_EXPIRED);
  EXPECT_EQ(late.message(),
            "the peer's certificate expired on 2024-06-02 12:00:00 UTC; here it is 2024-06-02 "
            "12:00:01 UTC");
}

TEST_F(Authorities, C01_RefuseACertificateThatIsNotYetValidAndDoubtTheClock) {
  CertificateSpec spec = named(kHost);
  spec.not_before = kCertificateTestTime;
  const Identity identity = root_.issue(spec).identity();
  EXPECT_TRUE(Refusal({root_}, identity).accepted());
  const Refusal early({root_}, identity, kHost, kCertificateTestTime - Duration(1));
  EXPECT_FALSE(early.accepted());
  // RFC 8446 6.2: "has expired or is not currently valid".
  EXPECT_EQ(early.alert(), SSL_AD_CERTIFICATE_EXPIRED);
  EXPECT_THAT(
      early.message(),
      AllOf(StartsWith("the peer's certificate is not valid before 2024-06-01 12:00:00 UTC"),
            HasSubstr("here it is 2024-06-01 11:59:59 UTC"), HasSubstr("clock")));
  // A device that has not set its clock.
  EXPECT_THAT(Refusal({root_}, identity, kHost, WallTime{}).message(),
              HasSubstr("here it is 1970-01-01 00:00:00 UTC"));
}

TEST_F(Authorities, C01_RefuseAnExpiredIntermediateByItsName) {
  CertificateSpec spec = authority("Intermediate");
  spec.not_after = kCertificateTestTime - kDay / 2;
  const TestCertificate intermediate = root_.issue(spec);
  const Refusal result({root_}, intermediate.issue(named(kHost)).identity({intermediate}));
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_CERTIFICATE_EXPIRED);
  EXPECT_THAT(result.message(), StartsWith("the certificate 'Intermediate' in the peer's chain "
                                           "expired on 2024-06-01 00:00:00 UTC"));
}

TEST_F(Authorities, C01_RefuseAWrongNameAndListTheRightOnes) {
  CertificateSpec spec;
  spec.common_name = kHost;  // Long out of use as a host name.
  spec.dns_names = {"a.example", "b.example"};
  spec.ip_addresses = {"192.0.2.1"};
  const Identity identity = root_.issue(spec).identity();
  const Refusal result({root_}, identity);
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_BAD_CERTIFICATE);
  EXPECT_EQ(result.message(),
            "the certificate is for a.example, b.example, 192.0.2.1, not for robot.local");
  EXPECT_TRUE(Refusal({root_}, identity, "b.example").accepted());
  EXPECT_FALSE(Refusal({root_}, identity, "c.b.example").accepted());
  EXPECT_FALSE(Refusal({root_}, identity, "example").accepted());
}

TEST_F(Authorities, C01_RefuseACertificateThatNamesNoHost) {
  CertificateSpec spec;
  spec.common_name = kHost;
  const Refusal result({root_}, root_.issue(spec).identity());
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.message(),
            "the certificate 'robot.local' names no host (it has no subjectAltName), so it is not "
            "for robot.local");
}

TEST_F(Authorities, ListOnlyTheFirstOfManyNamesAndMakeThemHarmless) {
  CertificateSpec spec = named("a.example");
  for (int i = 0; i < 20; ++i) spec.dns_names.push_back("x" + std::to_string(i) + ".example");
  EXPECT_THAT(Refusal({root_}, root_.issue(spec).identity()).message(),
              AllOf(HasSubstr("x3.example and 16 more"), Not(HasSubstr("x4.example"))));
  CertificateSpec hostile;
  hostile.common_name = "a\n2024 root logged in\x1b[2J";
  EXPECT_THAT(Refusal({root_}, root_.issue(hostile).identity()).message(),
              AllOf(HasSubstr("a\\x0a2024 root logged in\\x1b[2J"), Not(HasSubstr("\n"))));
}

TEST_F(Authorities, CheckNumericAddressesAgainstAddressesOnly) {
  CertificateSpec spec;
  spec.common_name = "x";
  spec.dns_names = {"192.0.2.9", "a.example"};
  spec.ip_addresses = {"192.0.2.1", "2001:db8::1", "fe80::1"};
  const Identity identity = root_.issue(spec).identity();
  for (const char* good : {"192.0.2.1", "2001:db8::1", "2001:0DB8:0::1", "::ffff:192.0.2.1",
                           "fe80::1%eth0", "a.example"}) {
    EXPECT_TRUE(Refusal({root_}, identity, good).accepted()) << good;
  }
  for (const char* bad : {"192.0.2.9", "192.0.2.2", "2001:db8::2"}) {
    const Refusal result({root_}, identity, bad);
    EXPECT_FALSE(result.accepted()) << bad;
    EXPECT_EQ(result.alert(), SSL_AD_BAD_CERTIFICATE);
    EXPECT_THAT(result.message(), HasSubstr(std::string("not for ") + bad));
  }
}

TEST_F(Authorities, TakeAWholeLabelWildcardForOneLabelAndNoPartialOne) {
  CertificateSpec spec = named("*.example");
  const Identity whole = root_.issue(named("*.robots.example")).identity();
  EXPECT_TRUE(Refusal({root_}, whole, "r1.robots.example").accepted());
  EXPECT_FALSE(Refusal({root_}, whole, "a.r1.robots.example").accepted());
  EXPECT_FALSE(Refusal({root_}, whole, "robots.example").accepted());
  const Identity partial = root_.issue(named("r*.robots.example")).identity();
  EXPECT_FALSE(Refusal({root_}, partial, "r1.robots.example").accepted());
}

TEST_F(Authorities, RefuseEverybodyWhenNoRealNameWasDialled) {
  const Identity identity = root_.issue(named(kHost)).identity();
  for (const std::string& name :
       {std::string(), std::string("."), std::string("not a name"), std::string("*.local"),
        std::string("robot.local\0x", 13), std::string("robot.local:4433")}) {
    const Refusal result({root_}, identity, name);
    EXPECT_FALSE(result.accepted()) << name;
    EXPECT_THAT(result.message(), HasSubstr("is neither a host name nor a numeric address"));
  }
}

TEST_F(Authorities, C01_TellASelfSignedPeersFingerprintAndHowToPinIt) {
  const Identity identity = self_signed(kHost);
  const Refusal result({root_}, identity);
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_EQ(result.message(),
            "the peer's certificate 'robot.local' is self-signed, not issued by the trusted CA; if "
            "this is the right peer, trust it with Trust::pinned() and its fingerprint " +
                identity.fingerprint().to_string());
}

TEST_F(Authorities, C01_RefuseTheLeafOfAnotherCa) {
  const TestCertificate other = TestCertificate::self_signed(authority("Other CA"));
  const TestCertificate leaf = other.issue(named(kHost));
  const Refusal alone({root_}, leaf.identity());
  EXPECT_FALSE(alone.accepted());
  EXPECT_EQ(alone.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_THAT(alone.message(), HasSubstr("was issued by 'Other CA', which is not trusted here"));
  const Refusal with_root({root_}, leaf.identity({other}));
  EXPECT_FALSE(with_root.accepted());
  EXPECT_EQ(with_root.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_EQ(with_root.message(),
            "the peer's chain ends at the CA 'Other CA', which is not trusted here");
}

TEST_F(Authorities, C01_RefuseTheLeafOfAnImpostorWithTheSameName) {
  const TestCertificate impostor = TestCertificate::self_signed(authority("Test CA"));
  const Refusal result({root_}, impostor.issue(named(kHost)).identity());
  EXPECT_FALSE(result.accepted());
  EXPECT_THAT(result.message(), AllOf(HasSubstr("wrong signature"), HasSubstr("'Test CA'")));
  EXPECT_FALSE(Refusal({root_}, impostor.issue(named(kHost)).identity({impostor})).accepted());
}

TEST_F(Authorities, C01_RefuseAnEndEntityThatIssuesCertificates) {
  // robot.local's own, honest certificate is misused to certify another host.
  const TestCertificate robot = root_.issue(named("evil.local"));
  const Refusal result({root_}, robot.issue(named(kHost)).identity({robot}));
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_THAT(result.message(), HasSubstr("evil.local"));
}

TEST_F(Authorities, C01_RefuseACaThatSpeaksForItselfAndSayHowToPinIt) {
  CertificateSpec spec = authority("Lonely CA");
  spec.dns_names = {kHost};
  const TestCertificate alone = TestCertificate::self_signed(spec);
  const Refusal refusal({alone}, alone.identity());
  EXPECT_FALSE(refusal.accepted());
  EXPECT_EQ(refusal.alert(), SSL_AD_BAD_CERTIFICATE);
  EXPECT_THAT(refusal.message(), AllOf(HasSubstr("'Lonely CA', which is a CA's own"),
                                       HasSubstr(alone.identity().fingerprint().to_string())));
  // Below a CA that is trusted it is no better.
  EXPECT_FALSE(Refusal({root_}, root_.issue(spec).identity()).accepted());
}

TEST_F(Authorities, C01_RefuseMoreIntermediatesThanACaAllows) {
  CertificateSpec spec = authority("Short CA");
  spec.path_length = 0;
  const TestCertificate last = root_.issue(spec);
  EXPECT_TRUE(Refusal({root_}, last.issue(named(kHost)).identity({last})).accepted());
  const TestCertificate extra = last.issue(authority("Extra CA"));
  const Refusal result({root_}, extra.issue(named(kHost)).identity({extra, last}));
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_UNKNOWN_CA);
  EXPECT_EQ(result.message(),
            "the certificate 'Short CA' in the peer's chain allows fewer intermediate CAs below it "
            "than the chain has");
}

TEST_F(Authorities, C01_RefuseACertificateThatIsNotForServers) {
  CertificateSpec spec = named(kHost);
  spec.for_server = false;
  const Refusal result({root_}, root_.issue(spec).identity());
  EXPECT_FALSE(result.accepted());
  EXPECT_EQ(result.alert(), SSL_AD_UNSUPPORTED_CERTIFICATE);
  EXPECT_THAT(result.message(), HasSubstr("may not be used for a server"));
}

// A server that demands client certificates, and clients with different ones.
class MutualTls : public ::testing::Test {
 protected:
  std::shared_ptr<TlsContext> server_trusting(Trust trust) const {
    auto options = server_options(server_identity_);
    options.trust = std::move(trust);
    return TlsContext::make_server(std::move(options)).value();
  }
  std::shared_ptr<TlsContext> client_showing(std::optional<Identity> identity) const {
    auto options = client_options(Trust::pinned({server_identity_.fingerprint()}));
    options.identity = std::move(identity);
    return TlsContext::make_client(std::move(options)).value();
  }

  const Identity server_identity_ = self_signed(kHost);
  const TestCertificate root_ = TestCertificate::self_signed(authority("Client CA"));
};

TEST_F(MutualTls, TellsBothEndsWhoTheOtherIs) {
  const Identity operator_identity = self_signed("operator");
  const auto server = server_trusting(Trust::pinned({operator_identity.fingerprint()}));
  const auto client = client_showing(operator_identity);
  TlsPair connection(*client, *server);
  ASSERT_TRUE(connection.run()) << connection.server.message();
  EXPECT_EQ(connection.server.check.peer_fingerprint, operator_identity.fingerprint());
  EXPECT_EQ(connection.client.check.peer_fingerprint, server_identity_.fingerprint());
}

TEST_F(MutualTls, C02_RefusesAClientWithoutCertificate) {
  for (const Trust& trust : {trust_in({root_}), Trust::insecure_accept_any()}) {
    const auto server = server_trusting(trust);
    const auto client = client_showing(std::nullopt);
    TlsPair connection(*client, *server);
    EXPECT_FALSE(connection.run());
    EXPECT_EQ(connection.server.check.verdict.code(), StatusCode::kUnauthenticated);
    EXPECT_EQ(connection.server.message(),
              "the client showed no certificate, which this server demands");
    EXPECT_FALSE(connection.server.check.peer_fingerprint);
    EXPECT_EQ(connection.client.alert_received, SSL_AD_CERTIFICATE_REQUIRED);
  }
}

TEST_F(MutualTls, C02_RefusesAClientThatIsNotPinned) {
  const auto server = server_trusting(Trust::pinned({server_identity_.fingerprint()}));
  const Identity stranger = self_signed("stranger");
  const auto client = client_showing(stranger);
  TlsPair connection(*client, *server);
  EXPECT_FALSE(connection.run());
  EXPECT_THAT(connection.server.message(), HasSubstr(stranger.fingerprint().to_string()));
  EXPECT_EQ(connection.server.check.peer_fingerprint, stranger.fingerprint());
  EXPECT_EQ(connection.client.alert_received, SSL_AD_CERTIFICATE_UNKNOWN);
  EXPECT_TRUE(connection.client.check.verdict.is_ok());
}

TEST_F(MutualTls, C02_ChecksClientsAgainstCasWhateverTheirName) {
  const auto server = server_trusting(trust_in({root_}));
  const auto good = client_showing(root_.issue(named("any name")).identity());
  TlsPair accepted(*good, *server);
  EXPECT_TRUE(accepted.run()) << accepted.server.message();

  CertificateSpec server_only = named("x");
  server_only.for_client = false;
  const auto bad = client_showing(root_.issue(server_only).identity());
  TlsPair refused(*bad, *server);
  EXPECT_FALSE(refused.run());
  EXPECT_THAT(refused.server.message(), HasSubstr("may not be used for a client"));
  EXPECT_EQ(refused.client.alert_received, SSL_AD_UNSUPPORTED_CERTIFICATE);

  CertificateSpec expired = named("x");
  expired.not_after = kCertificateTestTime - kDay / 2;
  const auto late = client_showing(root_.issue(expired).identity());
  TlsPair too_late(*late, *server);
  EXPECT_FALSE(too_late.run());
  EXPECT_EQ(too_late.client.alert_received, SSL_AD_CERTIFICATE_EXPIRED);
}

TEST_F(MutualTls, IsNotAskedForByAServerWithoutTrust) {
  const auto server = server_with(server_identity_);
  const auto client = client_showing(self_signed("operator"));
  TlsPair connection(*client, *server);
  EXPECT_TRUE(connection.run());
  EXPECT_FALSE(connection.server.check.peer_fingerprint);
}

// Sessions resumed with a ticket: no certificate is sent, and trust is judged all the same.
class Resumption : public MutualTls {
 protected:
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* kept = static_cast<bssl::UniquePtr<SSL_SESSION>*>(SSL_get_app_data(ssl));
    kept->reset(session);
    return 1;
  }
  // The ticket of a first connection.
  bssl::UniquePtr<SSL_SESSION> ticket(TlsContext& client, TlsContext& server) {
    bssl::UniquePtr<SSL_SESSION> session;
    TlsPair connection(client, server);
    SSL_CTX* context = SSL_get_SSL_CTX(ssl_of(connection.client));
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    SSL_set_app_data(connection.client.ssl.get(), &session);
    EXPECT_TRUE(connection.run()) << connection.server.message();
    SSL_CTX_sess_set_new_cb(context, nullptr);
    return session;
  }
};

TEST_F(Resumption, IsOfferedAndTellsBothFingerprintsAgain) {
  const Identity client_identity = root_.issue(named("operator")).identity();
  const auto server = server_trusting(trust_in({root_}));
  const auto client = client_showing(client_identity);
  const auto session = ticket(*client, *server);
  ASSERT_TRUE(session);
  TlsPair connection(*client, *server);
  ASSERT_EQ(SSL_set_session(connection.client.ssl.get(), session.get()), 1);
  ASSERT_TRUE(connection.run()) << connection.server.message();
  EXPECT_EQ(SSL_session_reused(ssl_of(connection.client)), 1);
  EXPECT_EQ(connection.client.check.peer_fingerprint, server_identity_.fingerprint());
  EXPECT_EQ(connection.server.check.peer_fingerprint, client_identity.fingerprint());
}

TEST_F(Resumption, DoesNotOutliveTheClientsCertificate) {
  CertificateSpec spec = named("operator");
  spec.not_after = kCertificateTestTime + std::chrono::hours(1);
  const auto server = server_trusting(trust_in({root_}));
  const auto client = client_showing(root_.issue(spec).identity());
  const auto session = ticket(*client, *server);
  ASSERT_TRUE(session);
  TlsPair connection(*client, *server, kHost, kCertificateTestTime + std::chrono::hours(2));
  ASSERT_EQ(SSL_set_session(connection.client.ssl.get(), session.get()), 1);
  EXPECT_FALSE(connection.run());
  EXPECT_EQ(connection.server.check.verdict.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(connection.server.message(), StartsWith("the peer's certificate expired on"));
}

TEST_F(Resumption, DoesNotOutliveTheServersCertificate) {
  CertificateSpec spec = named(kHost);
  spec.not_after = kCertificateTestTime + std::chrono::hours(1);
  const auto server = server_with(root_.issue(spec).identity());
  const auto client = client_trusting(trust_in({root_}));
  const auto session = ticket(*client, *server);
  ASSERT_TRUE(session);
  TlsPair good(*client, *server);
  ASSERT_EQ(SSL_set_session(good.client.ssl.get(), session.get()), 1);
  EXPECT_TRUE(good.run());
  TlsPair late(*client, *server, kHost, kCertificateTestTime + std::chrono::hours(2));
  ASSERT_EQ(SSL_set_session(late.client.ssl.get(), session.get()), 1);
  EXPECT_FALSE(late.run());
  EXPECT_THAT(late.client.message(), StartsWith("the peer's certificate expired on"));
}

TEST_F(Resumption, OfAnotherHostsSessionIsRefused) {
  CertificateSpec spec = named(kHost);
  const auto server = server_with(root_.issue(spec).identity());
  const auto client = client_trusting(trust_in({root_}));
  const auto session = ticket(*client, *server);
  ASSERT_TRUE(session);
  TlsPair connection(*client, *server, "other.local");
  ASSERT_EQ(SSL_set_session(connection.client.ssl.get(), session.get()), 1);
  EXPECT_FALSE(connection.run());
  EXPECT_EQ(connection.client.message(), "the certificate is for robot.local, not for other.local");
}

}  // namespace
}  // namespace echostream::transport
