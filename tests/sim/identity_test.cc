// Certificates of whole nodes: who is let in, what a handler gets to know, and what happens when
// they change while sessions live.
#include <gmock/gmock.h>

#include <deque>

#include "tests/support/lab.h"
#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using lab::v1::Text;
using ::testing::HasSubstr;

constexpr char kAddress[] = "10.0.0.1:4433";

// The simulated time of day begins with the loop's own; certificates are made around it.
CertificateSpec spec_for(Loop& loop, const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.dns_names = {name};
  spec.not_before = loop.wall_time() - 24h;
  spec.not_after = loop.wall_time() + 24h * 30;
  return spec;
}

CertificateSpec authority_for(Loop& loop, const std::string& name) {
  CertificateSpec spec = spec_for(loop, name);
  spec.dns_names.clear();
  spec.is_ca = true;
  return spec;
}

class Identities : public ::testing::Test {
 protected:
  Identities() {
    for (const char* name : {"server.example", "www.example", "api.example"}) {
      sim_.add_host(name, SocketAddress::ipv4({10, 0, 0, 1}, 0));
    }
  }
  Loop& add_loop() {
    const auto number = static_cast<std::uint8_t>(++hosts_);
    return sim_.add_node("host" + std::to_string(number),
                         SocketAddress::ipv4({10, 0, 0, number}, 0));
  }
  Node& add_node(Loop& loop, NodeOptions options) {
    options.synchronise_clocks = false;
    nodes_.push_back(std::make_unique<Node>(loop, std::move(options)));
    return *nodes_.back();
  }
  // The first node that is added, at 10.0.0.1.
  Node& listen(NodeOptions options) {
    options.on_session_closed = [this](const Session&, const Status& status) {
      closed_.push_back(status);
    };
    Node& node = add_node(server_loop_, std::move(options));
    EXPECT_TRUE(node.serve(handler_).is_ok());
    auto bound = node.listen(kAddress);
    EXPECT_TRUE(bound) << bound.status();
    return node;
  }
  Result<Session> dial(Node& from, const std::string& target = kAddress) {
    auto dialled = sim_.run(from.loop(), from.connect(target), 30s);
    return dialled ? *dialled : Status(StatusCode::kDeadlineExceeded, "the dial did not end");
  }
  Result<Text> who_am_i(Node& node, const Session& session) {
    auto answer = sim_.run(node.loop(), session.client<lab::v1::Lab>().WhoAmI(text("")), 30s);
    return answer ? *answer : Status(StatusCode::kDeadlineExceeded, "the call did not end");
  }
  // What the server knows of the caller, or the status when it did not get that far. With mutual
  // TLS a client is done before the server has judged it: the verdict may come with the first call.
  std::string outcome(Node& from, const std::string& target = kAddress) {
    auto session = dial(from, target);
    if (!session) return session.status().to_string();
    auto answer = who_am_i(from, *session);
    if (answer) return answer->text();
    sim_.run_for(1s);
    return answer.status().to_string();
  }
  NodeOptions server_options(Identity identity) {
    NodeOptions options;
    options.identity = std::move(identity);
    return options;
  }
  NodeOptions client_options(Trust trust, std::optional<Identity> identity = std::nullopt) {
    NodeOptions options;
    options.trust = std::move(trust);
    options.identity = std::move(identity);
    return options;
  }
  Trust trust_in(const TestCertificate& authority) {
    return Trust::certificate_authorities(authority.certificate_pem()).value();
  }

  int hosts_ = 0;
  Simulation sim_{1};
  Loop& server_loop_ = add_loop();
  std::shared_ptr<LabHandler> handler_ = std::make_shared<LabHandler>();
  std::vector<Status> closed_;
  std::deque<std::unique_ptr<Node>> nodes_;
};

// ---- What each end gets to know of the other.

TEST_F(Identities, BothEndsOfASessionMakeTheSameBytesForALabelAndNobodyElseDoes) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  Node& listener = listen(server_options(server));
  Node& caller = add_node(add_loop(), client_options(Trust::pinned({server.fingerprint()})));
  auto session = dial(caller);
  ASSERT_TRUE(session) << session.status();
  sim_.run_for(1s);
  ASSERT_EQ(listener.sessions().size(), 1u);
  const Session accepted = listener.sessions().front();

  const auto ours = session->export_keying_material("EXPORTER-a", "context", 32);
  ASSERT_TRUE(ours) << ours.status();
  EXPECT_EQ(ours->size(), 32u);
  EXPECT_EQ(accepted.export_keying_material("EXPORTER-a", "context", 32).value(), *ours);
  EXPECT_NE(accepted.export_keying_material("EXPORTER-b", "context", 32).value(), *ours);
  EXPECT_NE(accepted.export_keying_material("EXPORTER-a", "other", 32).value(), *ours);
  auto another = dial(caller);
  ASSERT_TRUE(another) << another.status();
  EXPECT_NE(another->export_keying_material("EXPORTER-a", "context", 32).value(), *ours);

  const auto code = [&](std::string_view label, std::size_t bytes) {
    return session->export_keying_material(label, "", bytes).status().code();
  };
  EXPECT_EQ(code("", 32), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("a", 0), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("a", 1025), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(std::string(250, 'a'), 32), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(std::string(249, 'a'), 1024), StatusCode::kOk);
  session->close();
  sim_.run_for(1s);
  EXPECT_EQ(code("a", 32), StatusCode::kUnavailable);
}

TEST_F(Identities, AHandlerKnowsItsCallerAndHowItWasVerified) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Robots"));
  const Identity robot = root.issue(spec_for(server_loop_, "robot-7.example")).identity();
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  NodeOptions options = server_options(server);
  options.client_trust = trust_in(root);
  Node& listener = listen(std::move(options));
  Node& caller = add_node(add_loop(), client_options(Trust::pinned({server.fingerprint()}), robot));
  auto session = dial(caller);
  ASSERT_TRUE(session) << session.status();
  EXPECT_EQ(who_am_i(caller, *session)->text(), "robot-7.example, verified by a CA");

  ASSERT_TRUE(session->peer_identity());
  EXPECT_EQ(session->peer_identity()->verified_by(), Trust::Mode::kPinned);
  EXPECT_EQ(session->peer_identity()->fingerprint(), server.fingerprint());
  EXPECT_EQ(session->peer_fingerprint(), server.fingerprint());
  ASSERT_EQ(listener.sessions().size(), 1u);
  const Session accepted = listener.sessions().front();
  EXPECT_THAT(accepted.peer_identity()->dns_names(), ::testing::ElementsAre("robot-7.example"));
  // It stays known after the end.
  session->close();
  sim_.run_for(1s);
  EXPECT_FALSE(accepted.is_open());
  EXPECT_EQ(accepted.peer_identity()->fingerprint(), robot.fingerprint());
}

TEST_F(Identities, WithoutMutualTlsTheServerKnowsNothingOfItsCaller) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  listen(server_options(server));
  Node& caller = add_node(
      add_loop(), client_options(Trust::pinned({server.fingerprint()}),
                                 Identity::self_signed("me", server_loop_.wall_time()).value()));
  EXPECT_EQ(outcome(caller), "UNAUTHENTICATED: the caller has shown nothing");
}

TEST_F(Identities, AnUncheckedPeerIsWarnedOf) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  listen(server_options(server));
  std::vector<std::string> warnings;
  NodeOptions options = client_options(Trust::insecure_accept_any());
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::kWarning) warnings.emplace_back(line);
  };
  Node& careless = add_node(add_loop(), std::move(options));
  auto session = dial(careless);
  ASSERT_TRUE(session) << session.status();
  EXPECT_EQ(session->peer_identity()->verified_by(), Trust::Mode::kInsecure);
  EXPECT_THAT(warnings, ::testing::ElementsAre(HasSubstr("nobody has checked to whom")));
}

// ---- C01: servers that must not be believed.

TEST_F(Identities, C01_ServersThatMustNotBeBelievedAreNot) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Root"));
  const auto other = TestCertificate::self_signed(authority_for(server_loop_, "Root"));
  CertificateSpec expired = spec_for(server_loop_, "server.example");
  expired.not_after = server_loop_.wall_time() - 1h;
  CertificateSpec early = spec_for(server_loop_, "server.example");
  early.not_before = server_loop_.wall_time() + 1h;
  const CertificateSpec good = spec_for(server_loop_, "server.example");
  CertificateSpec authority = authority_for(server_loop_, "Issued CA");
  authority.dns_names = {"server.example"};
  struct Case {
    const char* what;
    Identity identity;
    const char* message;
  };
  const Case cases[] = {
      {"expired", root.issue(expired).identity(), "expired on"},
      {"not yet valid", root.issue(early).identity(), "is not valid before"},
      {"wrong name", root.issue(spec_for(server_loop_, "else.example")).identity(),
       "the certificate is for else.example, not for server.example"},
      {"self-signed", Identity::self_signed("server.example", server_loop_.wall_time()).value(),
       "is self-signed, not issued by the trusted CA"},
      {"wrong CA", other.issue(good).identity(), "signature"},
      {"a CA's own", root.issue(authority).identity(), "which is a CA's own"},
      {"the root itself", root.identity(), "server.example"},
  };
  Node& server = listen(server_options(root.issue(good).identity()));
  Node& client = add_node(add_loop(), client_options(trust_in(root)));
  auto trusted = dial(client, "server.example:4433");
  ASSERT_TRUE(trusted) << trusted.status();
  for (const Case& wrong : cases) {
    ASSERT_TRUE(server.set_identity(wrong.identity).is_ok());
    auto session = dial(client, "server.example:4433");
    EXPECT_FALSE(session) << wrong.what;
    EXPECT_EQ(session.status().code(), StatusCode::kUnauthenticated) << wrong.what;
    EXPECT_THAT(std::string(session.status().message()), HasSubstr(wrong.message)) << wrong.what;
  }
  EXPECT_TRUE(trusted->is_open());
}

// ---- C02: clients that must not be let in.

TEST_F(Identities, C02_ClientsThatMustNotBeLetInAreNotAndLearnWhy) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Robots"));
  const auto other = TestCertificate::self_signed(authority_for(server_loop_, "Others"));
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  NodeOptions options = server_options(server);
  options.client_trust = trust_in(root);
  listen(std::move(options));
  CertificateSpec expired = spec_for(server_loop_, "robot");
  expired.not_after = server_loop_.wall_time() - 1h;
  CertificateSpec for_servers = spec_for(server_loop_, "robot");
  for_servers.for_client = false;
  const std::pair<std::optional<Identity>, const char*> cases[] = {
      {std::nullopt, "a client certificate is required"},
      {other.issue(spec_for(server_loop_, "robot")).identity(), "unknown certificate authority"},
      {root.issue(expired).identity(), "certificate expired"},
      {root.issue(for_servers).identity(), "certificate"},
  };
  for (const auto& [identity, message] : cases) {
    Node& client =
        add_node(add_loop(), client_options(Trust::pinned({server.fingerprint()}), identity));
    const std::string said = outcome(client);
    EXPECT_THAT(said, HasSubstr("UNAUTHENTICATED")) << message;
    EXPECT_THAT(said, HasSubstr(message));
  }
  EXPECT_EQ(handler_->started, 0);
  Node& welcome = add_node(
      add_loop(), client_options(Trust::pinned({server.fingerprint()}),
                                 root.issue(spec_for(server_loop_, "robot-7")).identity()));
  EXPECT_EQ(outcome(welcome), "robot-7, verified by a CA");
}

TEST_F(Identities, AClientThatIsNotLetInIsAWarningInTheServersLog) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  const Identity stranger = Identity::self_signed("stranger", server_loop_.wall_time()).value();
  std::vector<std::string> warnings;
  NodeOptions options = server_options(server);
  options.client_trust = Trust::pinned({server.fingerprint()});
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::kWarning) warnings.emplace_back(line);
  };
  listen(std::move(options));
  const Trust trust = Trust::pinned({server.fingerprint()});
  for (const std::optional<Identity>& shown : {std::optional<Identity>(), {stranger}}) {
    (void)outcome(add_node(add_loop(), client_options(trust, shown)));
  }
  EXPECT_THAT(warnings,
              ::testing::ElementsAre(
                  AllOf(HasSubstr("refused a client, 10.0.0.2:"),
                        HasSubstr("the client showed no certificate, which this server demands")),
                  AllOf(HasSubstr("refused a client, 10.0.0.3:"),
                        HasSubstr("which is not the pinned one"))));
  // Whoever comes again and again does not fill the disk.
  Node& again = add_node(add_loop(), client_options(trust, stranger));
  for (int i = 0; i < 200; ++i) {
    auto session = dial(again);
    if (session) session->close();
  }
  const std::size_t some = warnings.size();
  EXPECT_GT(some, 2u);
  EXPECT_LT(some, 100u);
  sim_.run_for(10s);
  (void)outcome(again);
  ASSERT_EQ(warnings.size(), some + 1);
  EXPECT_THAT(warnings.back(), HasSubstr(" more before)"));
}

TEST_F(Identities, ASessionTooManyIsAWarningInTheServersLog) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  std::vector<std::string> warnings;
  NodeOptions options = server_options(server);
  options.max_sessions = 1;
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::kWarning) warnings.emplace_back(line);
  };
  listen(std::move(options));
  Node& client = add_node(add_loop(), client_options(Trust::pinned({server.fingerprint()})));
  auto first = dial(client);
  ASSERT_TRUE(first) << first.status();
  auto second = dial(client);
  sim_.run_for(1s);
  EXPECT_THAT(warnings, ::testing::ElementsAre(AllOf(HasSubstr("refused a client, 10.0.0.2:"),
                                                     HasSubstr("a limit of sessions"))));
}

// ---- C03: what changes while the node runs.

TEST_F(Identities, C03_AThousandSessionsLiveOnWhenTheCertificateChanges) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Root"));
  const Identity before = root.issue(spec_for(server_loop_, "server.example")).identity();
  const Identity after = root.issue(spec_for(server_loop_, "server.example")).identity();
  Node& server = listen(server_options(before));
  std::vector<Session> sessions;
  std::vector<Node*> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(&add_node(add_loop(), client_options(trust_in(root))));
    TaskGroup dialling(clients.back()->loop());
    std::vector<std::optional<Result<Session>>> dialled(100);
    for (auto& slot : dialled) {
      dialling.spawn(internal::store(clients.back()->connect("server.example:4433"), slot));
    }
    ASSERT_TRUE(sim_.run_until([&] { return dialling.size() == 0; }, 30s));
    for (auto& slot : dialled) {
      ASSERT_TRUE(*slot) << slot->status();
      sessions.push_back(**slot);
    }
  }
  ASSERT_EQ(sessions.size(), 1000u);
  ASSERT_TRUE(server.set_identity(after).is_ok());
  auto renewed = dial(*clients[0], "server.example:4433");
  ASSERT_TRUE(renewed) << renewed.status();
  EXPECT_EQ(renewed->peer_fingerprint(), after.fingerprint());
  sim_.run_for(60s);
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    ASSERT_TRUE(sessions[i].is_open()) << i;
    ASSERT_EQ(sessions[i].peer_fingerprint(), before.fingerprint());
    auto echo = sim_.run(clients[i / 100]->loop(),
                         sessions[i].client<lab::v1::Lab>().Echo(text("still here")), 10s);
    ASSERT_TRUE(echo && *echo) << i;
  }
  EXPECT_TRUE(closed_.empty());
}

TEST_F(Identities, TrustThatChangesIsForTheNextSessions) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Robots"));
  const Identity robot = root.issue(spec_for(server_loop_, "robot-7")).identity();
  const Identity first = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  const Identity second = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  Node& server = listen(server_options(first));
  Node& client = add_node(add_loop(), client_options(Trust::pinned({first.fingerprint()}), robot));
  auto early = dial(client);
  ASSERT_TRUE(early) << early.status();

  // From now on clients must show who they are.
  ASSERT_TRUE(server.set_client_trust(trust_in(root)).is_ok());
  EXPECT_EQ(outcome(client), "robot-7, verified by a CA");
  ASSERT_TRUE(server.set_client_trust(Trust::pinned({first.fingerprint()})).is_ok());
  EXPECT_THAT(outcome(client), HasSubstr("UNAUTHENTICATED"));
  ASSERT_TRUE(server.set_client_trust(std::nullopt).is_ok());
  EXPECT_EQ(outcome(client), "UNAUTHENTICATED: the caller has shown nothing");

  // The server gets another certificate, the client is told.
  ASSERT_TRUE(server.set_identity(second).is_ok());
  EXPECT_EQ(dial(client).status().code(), StatusCode::kUnauthenticated);
  ASSERT_TRUE(client.set_trust(Trust::pinned({first.fingerprint(), second.fingerprint()})).is_ok());
  auto late = dial(client);
  ASSERT_TRUE(late) << late.status();
  EXPECT_EQ(late->peer_fingerprint(), second.fingerprint());
  EXPECT_TRUE(early->is_open());
}

TEST_F(Identities, WhatCannotBeUsedChangesNothing) {
  const Identity server = Identity::self_signed("server.example", server_loop_.wall_time()).value();
  Node& listener = listen(server_options(server));
  Node& client = add_node(add_loop(), client_options(Trust::pinned({server.fingerprint()})));
  const Status refused = client.set_trust(Trust::pinned({}));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("set_trust: Trust::pinned() was given no"));
  EXPECT_EQ(listener.set_client_trust(Trust::pinned({})).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(dial(client));
}

// ---- Several names.

TEST_F(Identities, EachNameOfAServerShowsItsOwnCertificate) {
  const auto root = TestCertificate::self_signed(authority_for(server_loop_, "Root"));
  NodeOptions options =
      server_options(root.issue(spec_for(server_loop_, "server.example")).identity());
  const Identity www = root.issue(spec_for(server_loop_, "www.example")).identity();
  const Identity api = root.issue(spec_for(server_loop_, "api.example")).identity();
  options.more_identities = {www, api};
  Node& server = listen(std::move(options));
  Node& client = add_node(add_loop(), client_options(trust_in(root)));
  EXPECT_EQ(dial(client, "www.example:4433")->peer_fingerprint(), www.fingerprint());
  EXPECT_EQ(dial(client, "api.example:4433")->peer_fingerprint(), api.fingerprint());
  EXPECT_EQ(dial(client, "server.example:4433")->peer_identity()->common_name(), "server.example");
  // Replaced together with the first one.
  const Identity renewed = root.issue(spec_for(server_loop_, "api.example")).identity();
  ASSERT_TRUE(server.set_identity(*server_options(www).identity, {renewed}).is_ok());
  EXPECT_EQ(dial(client, "api.example:4433")->peer_fingerprint(), renewed.fingerprint());
  EXPECT_EQ(dial(client, "server.example:4433").status().code(), StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace echostream::testing
