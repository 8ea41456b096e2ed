#include "runtime/gateway/client/http_dial.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "echostream/known_peers.h"

#include "runtime/gateway/client/http_client_test_support.h"
#include "tests/support/test_files.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

void answer_hello(HttpTestServer& server) {
  server.on_head = [](HttpTestServer::Request& request) { request.answer(200, "hello"); };
}

TEST(HttpDial, TriesAllAddressesOfAName) {
  SimHttp world;
  answer_hello(*world.server);
  world.sim.add_host("many.test", std::vector{SocketAddress::ipv4({10, 0, 0, 8}, 0),
                                              SocketAddress::ipv4({10, 0, 0, 9}, 0),
                                              SocketAddress::ipv4({10, 0, 0, 1}, 0)});
  const Duration before = world.sim.elapsed();
  const Status status = world.connect("many.test:4433");
  ASSERT_TRUE(status.is_ok()) << status;
  EXPECT_LT(world.sim.elapsed() - before, 1s);
  EXPECT_EQ(world.client->remote_address().to_string(), "10.0.0.1:4433");
  EXPECT_EQ(world.client->authority(), "many.test:4433");
  EXPECT_EQ(world.fetch(HttpRequest())->body.text(), "hello");
}

TEST(HttpDial, AServerThatIsNotTrustedIsSentNothing) {
  SimHttp world;
  const Identity other = Identity::self_signed("other", world.client_loop.wall_time()).value();
  world.options.trust = Trust::pinned({other.fingerprint()});
  const Status status = world.connect();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated) << status;
  EXPECT_THAT(status.to_string(), HasSubstr("connect to https://server.test:4433: "));
  world.run_for(1s);
  EXPECT_TRUE(world.server->requests.empty());
}

TEST(HttpDial, ShowsItsIdentityToAServerThatAsks) {
  HttpTestServer::Options options;
  const Identity shown = Identity::self_signed("me", WallTime{}).value();
  options.client_trust = Trust::pinned({shown.fingerprint()});
  for (const bool shows : {false, true}) {
    SimHttp world(1, {}, options);
    answer_hello(*world.server);
    if (shows) world.options.identity = shown;
    const Status status = world.connect();
    // A client's handshake is complete before the server has judged it.
    const auto response = status.is_ok() ? world.fetch(HttpRequest()) : status;
    EXPECT_EQ(response.has_value(), shows) << response.status();
  }
}

TEST(HttpDial, WaitsNoLongerThanItIsAllowedTo) {
  SimHttp world;
  world.options.handshake_timeout = 3s;
  const Duration before = world.sim.elapsed();
  EXPECT_EQ(world.connect("10.0.0.77:4433").code(), StatusCode::kDeadlineExceeded);
  EXPECT_LE(world.sim.elapsed() - before, 3s);
  EXPECT_EQ(world.connect("nobody.test:4433").code(), StatusCode::kNotFound);
  EXPECT_EQ(world.connect("https://server.test/path").code(), StatusCode::kInvalidArgument);
}

TEST(HttpDial, MayBeDroppedAndCancelled) {
  SimHttp world;
  std::optional<Result<std::unique_ptr<HttpClient>>> dialled;
  CallContext call;
  {
    TaskGroup group(world.client_loop);
    group.spawn(internal::store(
                    HttpClient::connect(world.client_loop, "10.0.0.77:1", world.options), dialled),
                &call);
    world.run_for(1s);
    EXPECT_FALSE(dialled);
    call.cancel();
    world.run_for(1ms);
    ASSERT_TRUE(dialled);
    EXPECT_EQ(dialled->status().code(), StatusCode::kCancelled);
  }
  std::optional<Result<std::unique_ptr<HttpClient>>> dropped;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(HttpClient::connect(world.client_loop, "10.0.0.77:1", world.options),
                              dropped));
  world.run_for(1s);
  group.clear();
  world.run_for(1s);
  EXPECT_TRUE(world.connect().is_ok());
}

TEST(HttpDial, OptionsThatMakeNoSenseAreRefused) {
  SimHttp world;
  world.options.handshake_timeout = 0s;
  EXPECT_EQ(world.connect().code(), StatusCode::kInvalidArgument);
  world.options.handshake_timeout = 1s;
  world.options.keep_alive_interval = 1ms;
  EXPECT_EQ(world.connect().code(), StatusCode::kInvalidArgument);
  world.options.keep_alive_interval = 0s;
  world.options.stream_window_bytes = 0;
  EXPECT_EQ(world.connect().code(), StatusCode::kInvalidArgument);
  world.options.stream_window_bytes = 1000;
  EXPECT_TRUE(world.connect().is_ok());
}

TEST(HttpDial, KnownPeersAreKnownByNameAndPort) {
  SimHttp world;
  auto peers = make_memory_known_peers();
  world.options.trust = Trust::known_peers(peers);
  EXPECT_EQ(world.connect().code(), StatusCode::kUnauthenticated);
  KnownPeer peer;
  peer.name = "server.test:4433";
  peer.fingerprint = world.identity.fingerprint();
  ASSERT_TRUE(peers->add(peer).is_ok());
  const Status status = world.connect();
  EXPECT_TRUE(status.is_ok()) << status;
}

TEST(HttpDial, WhomItMeetsForTheFirstTimeIsKnownFromThenOn) {
  SimHttp world;
  auto peers = make_memory_known_peers();
  std::string warnings;
  world.options.warn = [&](std::string_view text) { warnings += text; };
  world.options.trust = Trust::known_peers(peers, FirstUse::kAccept);
  const Status status = world.connect();
  ASSERT_TRUE(status.is_ok()) << status;
  ASSERT_TRUE(peers->find("server.test:4433"));
  EXPECT_EQ(peers->find("server.test:4433")->fingerprint, world.identity.fingerprint());
  EXPECT_EQ(peers->find("server.test:4433")->origin, KnownPeer::Origin::kFirstUse);
  world.run_for(1ms);
  EXPECT_THAT(warnings, HasSubstr("met 'server.test:4433' at 10.0.0.1:4433 for the first time"));
  EXPECT_TRUE(world.connect().is_ok());
  // Another certificate under that name is another server.
  const Identity other = Identity::self_signed("other", world.client_loop.wall_time()).value();
  world.client.reset();
  world.server.emplace(world.server_loop, "10.0.0.1:4433", other);
  EXPECT_EQ(world.connect().code(), StatusCode::kUnauthenticated);
}

// A list that cannot be written to makes nobody known, and so lets nobody in.
TEST(HttpDial, WhomItCannotWriteDownItSendsNothing) {
  class Full final : public KnownPeers {
   public:
    std::optional<KnownPeer> find(std::string_view) const override { return std::nullopt; }
    std::optional<KnownPeer> find(const Fingerprint&) const override { return std::nullopt; }
    std::vector<KnownPeer> list() const override { return {}; }
    Status add(const KnownPeer&) override {
      if (throws) throw std::runtime_error("disk");
      return {StatusCode::kUnavailable, "disk full"};
    }
    Status remove(std::string_view) override { return Status::ok(); }
    bool throws = false;
  };
  SimHttp world;
  auto peers = std::make_shared<Full>();
  world.options.trust = Trust::known_peers(peers, FirstUse::kAccept);
  const Status status = world.connect();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
  EXPECT_THAT(status.to_string(), HasSubstr("disk full"));
  peers->throws = true;
  EXPECT_EQ(world.connect().code(), StatusCode::kInternal);
  EXPECT_TRUE(world.server->requests.empty());
}

TEST(HttpDial, ResumesWithTheTicketsOfEarlierConnections) {
  SimHttp world;
  answer_hello(*world.server);
  world.options.ticket_cache = make_memory_ticket_cache();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(world.connect().is_ok());
    EXPECT_EQ(world.fetch(HttpRequest())->body.text(), "hello");
    EXPECT_EQ(world.client->is_resumed(), i > 0) << i;
    world.run_for(100ms);
    EXPECT_EQ(world.client->peer_identity()->fingerprint(), world.identity.fingerprint());
    world.client.reset();
  }
  // Not under another policy, to another name, or without a cache.
  ASSERT_TRUE(world.connect("10.0.0.1:4433").is_ok());
  EXPECT_FALSE(world.client->is_resumed());
  world.options.trust = Trust::insecure_accept_any();
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_FALSE(world.client->is_resumed());
  world.options.trust = Trust::pinned({world.identity.fingerprint()});
  world.options.ticket_cache = nullptr;
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_FALSE(world.client->is_resumed());
}

TEST(HttpDial, ATicketCacheThatThrowsCostsAFullHandshake) {
  class Broken final : public SessionTicketCache {
   public:
    void store(const std::string&, std::string) override { throw std::runtime_error("broken"); }
    std::optional<std::string> take(const std::string&) override {
      throw std::runtime_error("broken");
    }
  };
  SimHttp world;
  answer_hello(*world.server);
  std::string warnings;
  world.options.warn = [&](std::string_view text) { warnings += text; };
  world.options.ticket_cache = std::make_shared<Broken>();
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_EQ(world.fetch(HttpRequest())->body.text(), "hello");
  EXPECT_THAT(warnings, HasSubstr("the ticket cache threw: broken"));
}

TEST(HttpDial, WritesAKeyLogAndATraceWhenAsked) {
  TemporaryFolder folder;
  SimHttp world;
  answer_hello(*world.server);
  std::string warnings;
  world.options.warn = [&](std::string_view text) { warnings += text; };
  world.options.key_log_file = folder / "keys";
  world.options.qlog_directory = folder.path().string();
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_TRUE(world.fetch(HttpRequest()));
  world.client.reset();
  world.run_for(1s);
  EXPECT_THAT(read_file(folder / "keys"), HasSubstr("CLIENT_TRAFFIC_SECRET_0 "));
  EXPECT_EQ(mode_of(folder / "keys"), 0600u);
  EXPECT_THAT(warnings, HasSubstr("SECRETS OF ALL CONNECTIONS"));
  std::size_t traces = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().filename() != "keys") ++traces;
  }
  EXPECT_EQ(traces, 1u);
}

TEST(HttpDial, WorksOverTheSystemsSockets) {
  auto loop = make_loop();
  ASSERT_TRUE(loop) << loop.status();
  const Identity identity = Identity::self_signed("localhost", (*loop)->wall_time()).value();
  for (const char* address : {"127.0.0.1:0", "[::1]:0"}) {
    HttpTestServer server(**loop, address, identity);
    answer_hello(server);
    HttpClientOptions options(Trust::pinned({identity.fingerprint()}));
    const std::string target = "https://" + server.address().to_string();
    auto client = run(**loop, HttpClient::connect(**loop, target, options));
    ASSERT_TRUE(client) << client.status();
    for (int i = 0; i < 100; ++i) {
      const auto response = run(**loop, (*client)->fetch(HttpRequest()));
      ASSERT_TRUE(response) << response.status();
      EXPECT_EQ(response->body.text(), "hello");
    }
  }
}

}  // namespace
}  // namespace echostream::testing
