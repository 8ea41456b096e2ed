#include "runtime/plugins/auth_token/auth_rules.h"

#include <gmock/gmock.h>

#include <map>

namespace echostream::auth_token {
namespace {

using ::testing::HasSubstr;

constexpr StatusCode kOk = StatusCode::kOk;
constexpr StatusCode kUnauthenticated = StatusCode::kUnauthenticated;
constexpr StatusCode kDenied = StatusCode::kPermissionDenied;

const MethodInfo& method(const std::string& name) {
  static std::map<std::string, MethodInfo> known;
  auto& info = known[name];
  info.full_name = known.find(name)->first;
  return info;
}

Shown nothing() { return {}; }
Shown token(std::string subject, std::vector<std::string> scopes = {}) {
  auto peer = std::make_shared<AuthenticatedPeer::Details>();
  peer->subject = std::move(subject);
  peer->scopes = std::move(scopes);
  return {std::move(peer), {}};
}
Shown certificate(Trust::Mode mode) {
  auto details = std::make_shared<PeerIdentity::Details>();
  details->verified_by = mode;
  details->fingerprint = Fingerprint(Fingerprint::Digest{0xab});
  details->dns_names = {"robot-7.example"};
  details->uris = {"spiffe://example/robot/7"};
  details->ip_addresses = {"192.0.2.1", "2001:db8::1"};
  details->email_addresses = {"ann@example"};
  return {nullptr, PeerIdentity(std::move(details))};
}

AuthRule rule(std::string methods) { return AuthRule({std::move(methods)}); }

StatusCode decide(const std::vector<AuthRule>& rules, const std::string& name, const Shown& shown) {
  auto made = AuthRules::make(rules);
  EXPECT_TRUE(made) << made.status();
  const auto decision = made->decide(method(name), shown);
  EXPECT_EQ(decision.status, made->decide(method(name), shown).status) << "the same again";
  return decision.status.code();
}

TEST(AuthRules, WithoutAnyEveryMethodNeedsAToken) {
  EXPECT_EQ(decide({}, "a.B/C", token("ann")), kOk);
  EXPECT_EQ(decide({}, "a.B/C", nothing()), kUnauthenticated);
  EXPECT_EQ(decide({}, "a.B/C", certificate(Trust::Mode::kAuthorities)), kUnauthenticated);
}

TEST(AuthRules, TheFirstThatNamesTheMethodDecides) {
  AuthRule open = rule("a.B/Open"), subject = rule("a.B/*"), all = rule("*");
  open.allow_anyone = true;
  subject.allow_subjects = {"ann"};
  all.allow_any_token = true;
  const std::vector<AuthRule> rules{open, subject, all};
  EXPECT_EQ(decide(rules, "a.B/Open", nothing()), kOk);
  EXPECT_EQ(decide(rules, "a.B/Other", token("ann")), kOk);
  EXPECT_EQ(decide(rules, "a.B/Other", token("bob")), kDenied);
  EXPECT_EQ(decide(rules, "a.B/Other", nothing()), kUnauthenticated);
  EXPECT_EQ(decide(rules, "a.C/Other", token("bob")), kOk);
}

TEST(AuthRules, WhatNoneNamesIsNobodys) {
  AuthRule some = rule("a.B/*");
  some.allow_anyone = true;
  EXPECT_EQ(decide({some}, "a.C/D", token("ann")), kDenied);
  EXPECT_EQ(decide({some}, "a.C/D", nothing()), kDenied) << "a token would not help";
  EXPECT_EQ(decide({rule("*")}, "a.C/D", token("ann")), kDenied) << "it names nobody";
}

TEST(AuthRules, LetInBySubjectOrByScope) {
  AuthRule some = rule("*");
  some.allow_subjects = {"ann"};
  some.allow_scopes = {"move", "see"};
  EXPECT_EQ(decide({some}, "a.B/C", token("ann")), kOk);
  EXPECT_EQ(decide({some}, "a.B/C", token("bob", {"hear", "see"})), kOk);
  EXPECT_EQ(decide({some}, "a.B/C", token("bob", {"hear"})), kDenied);
  EXPECT_EQ(decide({some}, "a.B/C", token("move")), kDenied) << "a subject is no scope";
  EXPECT_EQ(decide({some}, "a.B/C", certificate(Trust::Mode::kAuthorities)), kUnauthenticated);
}

TEST(AuthRules, LetInByWhatACertificateSaysWhenSomebodyHasCheckedThat) {
  const std::string fingerprint = "sha256:ab" + std::string(62, '0');
  for (const std::string& name :
       {fingerprint, std::string("dns:Robot-7.example"),
        std::string("uri:spiffe://example/robot/7"), std::string("ip:192.0.2.1"),
        std::string("ip:2001:db8:0::1"), std::string("email:ann@example")}) {
    AuthRule some = rule("*");
    some.allow_peers = {name};
    const bool is_fingerprint = name == fingerprint;
    EXPECT_EQ(decide({some}, "a.B/C", certificate(Trust::Mode::kAuthorities)), kOk) << name;
    for (const Trust::Mode mode : {Trust::Mode::kPinned, Trust::Mode::kKnownPeers}) {
      EXPECT_EQ(decide({some}, "a.B/C", certificate(mode)), is_fingerprint ? kOk : kDenied) << name;
    }
    EXPECT_EQ(decide({some}, "a.B/C", certificate(Trust::Mode::kInsecure)), kUnauthenticated);
    EXPECT_EQ(decide({some}, "a.B/C", token("ann")), kUnauthenticated);
  }
  for (const char* name : {"dns:robot-8.example", "uri:robot-7.example", "dns:*.example",
                           "ip:192.0.2.10", "email:robot-7.example"}) {
    AuthRule some = rule("*");
    some.allow_peers = {name};
    EXPECT_EQ(decide({some}, "a.B/C", certificate(Trust::Mode::kAuthorities)), kDenied) << name;
  }
}

TEST(AuthRules, SayWhomTheCallIsFor) {
  AuthRule some = rule("*");
  some.allow_peers = {"dns:robot-7.example"};
  auto rules = AuthRules::make({some});
  ASSERT_TRUE(rules);
  Shown shown = certificate(Trust::Mode::kAuthorities);
  const auto by_certificate = rules->decide(method("a.B/C"), shown);
  ASSERT_NE(by_certificate.peer, nullptr);
  EXPECT_EQ(by_certificate.peer->subject, "dns:robot-7.example");
  EXPECT_EQ(by_certificate.peer->proof, AuthenticatedPeer::Proof::kCertificate);
  shown.token_peer = token("ann").token_peer;
  EXPECT_EQ(rules->decide(method("a.B/C"), shown).peer->subject, "ann");
}

TEST(AuthRules, SayTheSameWhateverWasWrong) {
  AuthRule some = rule("*");
  some.allow_subjects = {"ann"};
  auto rules = AuthRules::make({some});
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->decide(method("a.B/C"), nothing()).status,
            rules->decide(method("a.B/C"), certificate(Trust::Mode::kPinned)).status);
}

TEST(AuthRules, ThatCannotBeMeantAreRefusedByTheirNumber) {
  const auto refusal = [](AuthRule bad) {
    AuthRule good = rule("*");
    good.allow_anyone = true;
    const auto made = AuthRules::make({good, std::move(bad)});
    EXPECT_FALSE(made);
    return made ? "" : std::string(made.error().message());
  };
  EXPECT_THAT(refusal(AuthRule()), HasSubstr("auth rule 2: names no methods"));
  EXPECT_THAT(refusal(rule("a.B")), HasSubstr("auth rule 2: 'a.B' names no methods; write"));
  for (const char* name :
       {"robot-7", "dns:", "sha256:12", "ip:robot", "ip:1.2.3.4:5", "san:x", ""}) {
    AuthRule bad = rule("*");
    bad.allow_peers = {name};
    EXPECT_THAT(refusal(bad), HasSubstr("\"dns:<host name>\"")) << name;
  }
  AuthRule empty = rule("*");
  empty.allow_subjects = {""};
  EXPECT_THAT(refusal(empty), HasSubstr("auth rule 2: allows a subject that is none"));
}

}  // namespace
}  // namespace echostream::auth_token
