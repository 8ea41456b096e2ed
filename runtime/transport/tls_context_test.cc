// The settings of a TLS context: version, groups, ALPN, SNI, cipher suites, key log, and that
// connections and threads can share it.
#include "runtime/transport/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/test_certificates.h"
#include "tests/support/tls_pair.h"

namespace echostream::transport {
namespace {

using testing::authority;
using testing::CertificateSpec;
using testing::client_options;
using testing::client_trusting;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kAlpn;
using testing::KeyKind;
using testing::kHost;
using testing::named;
using testing::self_signed;
using testing::server_options;
using testing::server_with;
using testing::ssl_of;
using ::testing::StartsWith;
using testing::TestCertificate;
using testing::TlsEnd;
using testing::TlsPair;
using testing::trust_in;

std::string alpn_of(const TlsEnd& end) {
  const std::uint8_t* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_of(end), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

TEST(TlsContext, SpeaksTls13WithX25519AndNothingOlder) {
  const Identity identity = self_signed(kHost);
  const auto client = client_trusting(Trust::pinned({identity.fingerprint()}));
  const auto server = server_with(identity);
  TlsPair connection(*client, *server);
  ASSERT_TRUE(connection.run()) << connection.client.message();
  EXPECT_STREQ(SSL_get_version(ssl_of(connection.client)), "TLSv1.3");
  EXPECT_EQ(SSL_get_curve_id(ssl_of(connection.client)), SSL_CURVE_X25519);
  EXPECT_EQ(alpn_of(connection.client), kAlpn);
  EXPECT_EQ(alpn_of(connection.server), kAlpn);

  TlsPair old(*client, *server);
  ASSERT_EQ(SSL_set_min_proto_version(old.client.ssl.get(), TLS1_2_VERSION), 1);
  ASSERT_EQ(SSL_set_max_proto_version(old.client.ssl.get(), TLS1_2_VERSION), 1);
  EXPECT_FALSE(old.run());
  EXPECT_EQ(old.client.alert_received, SSL_AD_PROTOCOL_VERSION);
}

TEST(TlsContext, TakesAClientThatOnlyKnowsP256) {
  const Identity identity = self_signed(kHost);
  const auto client = client_trusting(Trust::pinned({identity.fingerprint()}));
  const auto server = server_with(identity);
  TlsPair connection(*client, *server);
  ASSERT_EQ(SSL_set1_groups_list(connection.client.ssl.get(), "P-256"), 1);
  ASSERT_TRUE(connection.run());
  EXPECT_EQ(SSL_get_curve_id(ssl_of(connection.server)), SSL_CURVE_SECP256R1);
}

TEST(TlsContext, SaysWhatIsMissing) {
  TlsContext::Options no_trust;
  no_trust.alpn = {kAlpn};
  EXPECT_EQ(TlsContext::make_client(no_trust).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(TlsContext::make_client(no_trust).error().message()),
              HasSubstr("needs a Trust"));
  TlsContext::Options no_identity;
  no_identity.alpn = {kAlpn};
  EXPECT_THAT(std::string(TlsContext::make_server(no_identity).error().message()),
              HasSubstr("needs an Identity"));
  EXPECT_THAT(
      std::string(TlsContext::make_client(client_options(Trust::pinned({}))).error().message()),
      HasSubstr("was given no fingerprint"));
}

TEST(TlsContext, RefusesAlpnNamesThatCannotBeSent) {
  for (const std::vector<std::string>& alpn :
       {std::vector<std::string>{}, {""}, {kAlpn, ""}, {std::string(256, 'a')}}) {
    auto options = client_options(Trust::insecure_accept_any());
    options.alpn = alpn;
    EXPECT_EQ(TlsContext::make_client(options).status().code(), StatusCode::kInvalidArgument);
    auto server = server_options(self_signed(kHost));
    server.alpn = alpn;
    EXPECT_EQ(TlsContext::make_server(server).status().code(), StatusCode::kInvalidArgument);
  }
  auto longest = client_options(Trust::insecure_accept_any());
  longest.alpn = {std::string(255, 'a')};
  EXPECT_TRUE(TlsContext::make_client(longest));
}

TEST(Alpn, IsChosenByTheServersOrder) {
  auto client = client_options(Trust::insecure_accept_any());
  client.alpn = {"a", "b", "c"};
  auto server = server_options(self_signed(kHost));
  server.alpn = {"x", "c", "b"};
  const auto client_context = TlsContext::make_client(client).value();
  const auto server_context = TlsContext::make_server(server).value();
  TlsPair connection(*client_context, *server_context);
  ASSERT_TRUE(connection.run());
  EXPECT_EQ(alpn_of(connection.client), "c");
  EXPECT_EQ(alpn_of(connection.server), "c");
}

TEST(Alpn, T15_WithoutACommonProtocolEndsTheHandshakeWithItsAlert) {
  auto client = client_options(Trust::insecure_accept_any());
  client.alpn = {"other"};
  const auto client_context = TlsContext::make_client(client).value();
  const auto server_context = server_with(self_signed(kHost));
  TlsPair connection(*client_context, *server_context);
  EXPECT_FALSE(connection.run());
  EXPECT_EQ(connection.client.alert_received, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST(Sni, CarriesHostNamesWithoutRootDotAndNoAddresses) {
  const auto client = client_trusting(Trust::insecure_accept_any());
  const auto server = server_with(self_signed(kHost));
  const auto sni = [&](const std::string& name) {
    TlsPair connection(*client, *server, name);
    EXPECT_TRUE(connection.run()) << name;
    const char* seen = SSL_get_servername(ssl_of(connection.server), TLSEXT_NAMETYPE_host_name);
    return std::string(seen == nullptr ? "(none)" : seen);
  };
  EXPECT_EQ(sni("robot.local"), "robot.local");
  EXPECT_EQ(sni("robot.local."), "robot.local");
  EXPECT_EQ(sni("192.0.2.1"), "(none)");
  EXPECT_EQ(sni("2001:db8::1"), "(none)");
  EXPECT_EQ(sni("not a name"), "(none)");
  EXPECT_EQ(sni(""), "(none)");
}

TEST(Ciphers, FollowTheListsThatBoringSslCanHave) {
  const Identity identity = self_signed(kHost);
  const auto cipher = [&](const std::vector<std::string>& of_client,
                          const std::vector<std::string>& of_server) {
    auto client = client_options(Trust::insecure_accept_any());
    client.ciphers = of_client;
    auto server = server_options(identity);
    server.ciphers = of_server;
    const auto client_context = TlsContext::make_client(client).value();
    const auto server_context = TlsContext::make_server(server).value();
    TlsPair connection(*client_context, *server_context);
    if (!connection.run()) return std::string("(refused)");
    return std::string(SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_of(connection.server))));
  };
  const std::string aes128 = "TLS_AES_128_GCM_SHA256";
  const std::string aes256 = "TLS_AES_256_GCM_SHA384";
  const std::string chacha = "TLS_CHACHA20_POLY1305_SHA256";
  const std::vector<std::string> aes_first = {aes128, aes256, chacha};
  const std::vector<std::string> chacha_first = {chacha, aes128, aes256};
  const std::vector<std::string> only_aes = {aes128, aes256};
  const std::vector<std::string> only_aes256 = {aes256};
  EXPECT_EQ(cipher(aes_first, aes_first), aes128);
  EXPECT_EQ(cipher(chacha_first, aes_first), chacha);
  EXPECT_EQ(cipher(aes_first, chacha_first), chacha);
  EXPECT_EQ(cipher(chacha_first, chacha_first), chacha);
  EXPECT_EQ(cipher(only_aes, chacha_first), aes128);
  EXPECT_EQ(cipher(chacha_first, only_aes), aes128);
  EXPECT_EQ(cipher(only_aes256, {}), aes256);
  EXPECT_EQ(cipher({}, only_aes256), aes256);
  EXPECT_EQ(cipher(only_aes256, chacha_first), aes256);
}

// What is said in docs/tls.md: the hardware decides.
TEST(Ciphers, PutAesFirstWhereTheProcessorHasInstructionsForIt) {
#if defined(__x86_64__)
  const bool has_aes = __builtin_cpu_supports("aes") != 0;
#else
  GTEST_SKIP() << "how to ask this processor is not known here";
  const bool has_aes = false;
#endif
  const auto client = client_trusting(Trust::insecure_accept_any());
  const auto server = server_with(self_signed(kHost));
  TlsPair connection(*client, *server);
  ASSERT_TRUE(connection.run());
  EXPECT_STREQ(SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_of(connection.server))),
               has_aes ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256");
}

TEST(Ciphers, RefuseListsThatBoringSslCannotHave) {
  for (const std::vector<std::string>& list :
       {std::vector<std::string>{"TLS_CHACHA20_POLY1305_SHA256"},
        {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"},
        {"ECDHE-RSA-AES128-GCM-SHA256"},
        {""}}) {
    auto options = client_options(Trust::insecure_accept_any());
    options.ciphers = list;
    const auto result = TlsContext::make_client(options);
    EXPECT_EQ(result.status().code(), StatusCode::kUnimplemented) << list.front();
  }
}

TEST(Ciphers, ChosenDoNotChangeGroupsAndSignatures) {
  CertificateSpec spec = named(kHost);
  spec.key = KeyKind::kRsa2048;
  auto server = server_options(TestCertificate::self_signed(spec).identity());
  server.ciphers = {"TLS_AES_256_GCM_SHA384"};
  const auto server_context = TlsContext::make_server(server).value();
  const auto client_context = client_trusting(Trust::insecure_accept_any());
  TlsPair connection(*client_context, *server_context);
  ASSERT_TRUE(connection.run());
  EXPECT_EQ(SSL_get_curve_id(ssl_of(connection.client)), SSL_CURVE_X25519);
  EXPECT_EQ(SSL_get_peer_signature_algorithm(ssl_of(connection.client)),
            SSL_SIGN_RSA_PSS_RSAE_SHA256);
}

TEST(KeyLog, C07_HandsOverEachConnectionsSecretsOnlyWhenAsked) {
  struct KeptLines final : KeyLogSink {
    void on_key_log(std::string_view line) override { lines.emplace_back(line); }
    std::vector<std::string> lines;
  };
  const auto kept = std::make_shared<KeptLines>();
  auto options = client_options(Trust::insecure_accept_any());
  options.key_log = kept;
  const auto client = TlsContext::make_client(options).value();
  const auto server = server_with(self_signed(kHost));
  TlsPair connection(*client, *server);
  ASSERT_TRUE(connection.run());
  EXPECT_THAT(kept->lines,
              ::testing::UnorderedElementsAre(StartsWith("CLIENT_HANDSHAKE_TRAFFIC_SECRET "),
                                              StartsWith("SERVER_HANDSHAKE_TRAFFIC_SECRET "),
                                              StartsWith("CLIENT_TRAFFIC_SECRET_0 "),
                                              StartsWith("SERVER_TRAFFIC_SECRET_0 "),
                                              StartsWith("EXPORTER_SECRET ")));
}

TEST(KeyLog, C07_IsNotSwitchedOnFromOutside) {
  const std::string path = ::testing::TempDir() + "echostream_no_key_log";
  ASSERT_EQ(setenv("SSLKEYLOGFILE", path.c_str(), 1), 0);
  const auto client = TlsContext::make_client(client_options(Trust::insecure_accept_any())).value();
  const auto server = server_with(self_signed(kHost));
  TlsPair connection(*client, *server);
  EXPECT_TRUE(connection.run());
  unsetenv("SSLKEYLOGFILE");
  EXPECT_FALSE(std::ifstream(path).is_open());
}

TEST(TlsContext, MayEndBeforeItsConnections) {
  const Identity identity = self_signed(kHost);
  auto client = client_trusting(Trust::pinned({identity.fingerprint()}));
  auto server = server_with(identity);
  TlsPair connection(*client, *server);
  client.reset();
  server.reset();
  EXPECT_TRUE(connection.run());
}

TEST(TlsContext, KeepsConnectionsApart) {
  const TestCertificate root = TestCertificate::self_signed(authority("Test CA"));
  const Identity identity = root.issue(named(kHost)).identity();
  const auto client = client_trusting(trust_in({root}));
  const auto server = server_with(identity);
  TlsPair good(*client, *server);
  TlsPair bad(*client, *server, "other.local");
  for (int turn = 0; turn < 20; ++turn) {
    for (TlsEnd* end : {&good.client, &bad.client, &good.server, &bad.server}) end->step();
  }
  EXPECT_TRUE(good.client.is_open());
  EXPECT_TRUE(good.client.check.verdict.is_ok());
  EXPECT_TRUE(bad.client.has_failed);
  EXPECT_THAT(bad.client.message(), HasSubstr("not for other.local"));
}

TEST(TlsContext, IsSharedByThreads) {
  const TestCertificate root = TestCertificate::self_signed(authority("Test CA"));
  const auto client = client_trusting(trust_in({root}));
  const auto server = server_with(root.issue(named(kHost)).identity());
  constexpr int kThreads = 4;
  std::array<int, kThreads> accepted{};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        TlsPair connection(*client, *server);
        accepted[static_cast<std::size_t>(i)] += connection.run() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(accepted, ElementsAre(10, 10, 10, 10));
}

}  // namespace
}  // namespace echostream::transport
