// Who gets into a server: proofs of address, what one network and one address may take, secrets
// that outlive it, and certificates that change under way.
#include <gtest/gtest.h>

#include <deque>

#include "tests/support/quic_pair.h"
#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

SocketAddress client_address(std::uint8_t network, std::uint8_t host) {
  return SocketAddress::ipv4({10, 1, network, host}, 5000);
}

// A server, and clients of any address that dial it.
class Admission : public ::testing::Test {
 protected:
  void start(const QuicWorld::Options& options) {
    server_ = &world_.add_server(SocketAddress::ipv4({10, 0, 0, 1}, 4433), options);
  }
  QuicHost& client(const SocketAddress& address) { return world_.add_client(address, {}); }
  RecordingSink& dial(QuicHost& from) {
    sinks_.emplace_back();
    world_.dial(from, *server_, sinks_.back());
    return sinks_.back();
  }
  bool gets_in(QuicHost& from) {
    RecordingSink& sink = dial(from);
    world_.run_until([&] { return sink.is_connected() || sink.is_closed(); }, 30s);
    world_.run_for(100ms);
    return sink.is_connected() && !sink.is_closed();
  }
  const std::string refused_ = "the peer closed the connection: connection refused (0x2)";

  std::deque<RecordingSink> sinks_;
  QuicWorld world_;
  QuicHost* server_ = nullptr;
};

// ---- What one address and one network may take.

TEST_F(Admission, OneAddressGetsSoManyConnectionsAndOthersTheirs) {
  QuicWorld::Options options;
  options.max_connections_per_address = 3;
  start(options);
  QuicHost& greedy = client(client_address(1, 1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gets_in(greedy)) << i;
  EXPECT_FALSE(gets_in(greedy));
  EXPECT_EQ(sinks_.back().close_message(), refused_);
  // Another port changes nothing, another address does.
  EXPECT_FALSE(gets_in(client(client_address(1, 1).with_port(6000))));
  EXPECT_TRUE(gets_in(client(client_address(1, 2))));
  // A connection that ends makes room.
  sinks_.front().connection->close(0, "");
  world_.run_for(1s);
  server_->endpoint->release(*server_->accepted.front()->connection);
  world_.run_for(10s);
  EXPECT_TRUE(gets_in(greedy));
}

TEST_F(Admission, ManyHandshakesAtOnceDoNotPassTheLimitOfTheirAddress) {
  QuicWorld::Options options;
  options.max_connections_per_address = 3;
  start(options);
  QuicHost& greedy = client(client_address(1, 1));
  for (int i = 0; i < 20; ++i) dial(greedy);
  world_.run_for(10s);
  int open = 0;
  for (const RecordingSink& sink : sinks_) open += sink.is_connected() && !sink.is_closed() ? 1 : 0;
  EXPECT_EQ(open, 3);
  EXPECT_EQ(server_->accepted.size(), 3u);
}

TEST_F(Admission, ANetworkAboveItsRateMustProveItsAddresses) {
  QuicWorld::Options options;
  options.max_handshakes_per_network = 10;
  start(options);
  std::vector<QuicHost*> hosts;
  for (std::uint8_t i = 1; i <= 15; ++i) hosts.push_back(&client(client_address(1, i)));
  for (QuicHost* host : hosts) dial(*host);
  world_.run_for(900ms);
  for (const RecordingSink& sink : sinks_) EXPECT_TRUE(sink.is_connected()) << sink.close_message();
  EXPECT_EQ(server_->endpoint->stats().retries_sent, 5u);
  // A client of another network meanwhile proves nothing.
  EXPECT_TRUE(gets_in(client(client_address(2, 1))));
  EXPECT_EQ(server_->endpoint->stats().retries_sent, 5u);
}

TEST_F(Admission, ProvenAddressesOfANetworkAboveItsRateAreRefused) {
  QuicWorld::Options options;
  options.max_handshakes_per_network = 10;
  options.retry_above_half_open = 0;
  start(options);
  for (std::uint8_t i = 1; i <= 30; ++i) dial(client(client_address(1, i)));
  world_.run_for(900ms);
  int open = 0, refused = 0;
  for (const RecordingSink& sink : sinks_) {
    open += sink.is_connected() ? 1 : 0;
    refused += sink.is_closed() && sink.close_message() == refused_ ? 1 : 0;
  }
  EXPECT_EQ(open, 10);
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(server_->endpoint->stats().handshakes_started, 10u);
}

// Somebody sends Initials in the name of a network. Its real clients still get in: only proven
// addresses count against the limit that refuses.
TEST_F(Admission, AForgerUsesUpNobodysShare) {
  QuicWorld::Options options;
  options.max_handshakes_per_network = 10;
  start(options);
  QuicHost& forger = client(client_address(9, 1));
  dial(forger);
  const auto transmit = forger.endpoint->poll_transmit(world_.now());
  const std::vector<std::uint8_t> initial(transmit->data.begin(), transmit->data.end());
  for (int i = 0; i < 500; ++i) {
    world_.deliver(*server_, client_address(1, static_cast<std::uint8_t>(i)), initial);
  }
  EXPECT_LE(server_->endpoint->connection_count(), 10u);
  EXPECT_TRUE(gets_in(client(client_address(1, 77))));
}

// ---- Secrets that outlive the server.

TEST_F(Admission, TokensOfOneStaticSecretAreGoodAfterARestart) {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;  // everybody must prove an address
  options.static_secret = std::array<std::uint8_t, 32>{7, 7, 7};
  start(options);
  QuicHost& visitor = client(client_address(1, 1));
  EXPECT_TRUE(gets_in(visitor));
  EXPECT_EQ(server_->endpoint->stats().retries_sent, 1u);
  world_.run_for(1s);  // the token arrives
  world_.replace(*server_, options);
  world_.run_for(1h);
  EXPECT_TRUE(gets_in(visitor));
  EXPECT_EQ(server_->endpoint->stats().retries_sent, 0u);
}

TEST_F(Admission, TokensOfAnotherSecretAreAsGoodAsNone) {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;
  start(options);
  QuicHost& visitor = client(client_address(1, 1));
  EXPECT_TRUE(gets_in(visitor));
  world_.run_for(1s);
  world_.replace(*server_, options);
  EXPECT_TRUE(gets_in(visitor));
  EXPECT_EQ(server_->endpoint->stats().retries_sent, 1u);
}

TEST_F(Admission, RestartWithTheSameStaticSecretIsNoticedAtOnce) {
  QuicWorld::Options options;
  options.static_secret = std::array<std::uint8_t, 32>{7, 7, 7};
  start(options);
  QuicHost& visitor = client(client_address(1, 1));
  ASSERT_TRUE(gets_in(visitor));
  world_.replace(*server_, options);
  RecordingSink& sink = sinks_.back();
  const LocalTime before = world_.now();
  const StreamId id = *sink.connection->open_bidirectional();
  sink.connection->write(id, Buffer::copy(pattern(100, 1)), true);
  ASSERT_TRUE(world_.run_until([&] { return sink.is_closed(); }, 30s));
  EXPECT_EQ(sink.close_message(), "the peer lost the connection (it may have restarted)");
  EXPECT_LE(world_.now() - before, 1s);
}

// ---- Certificates that change while the server runs.

TEST_F(Admission, C03_NewTlsIsForNewHandshakesAndOpenConnectionsLiveOn) {
  start({});
  QuicHost& visitor = client(client_address(1, 1));
  ASSERT_TRUE(gets_in(visitor));
  RecordingSink& before = sinks_.back();
  RecordingSink& under_way = dial(visitor);
  world_.run_for(7ms);  // the server has answered with the old certificate
  const Identity renewed = Identity::self_signed("server.test", kCertificateTestTime).value();
  TlsContext::Options tls;
  tls.alpn = {"echostream/1"};
  tls.identity = renewed;
  server_->endpoint->set_server_tls(TlsContext::make_server(std::move(tls)).value());
  world_.run_for(1s);
  EXPECT_TRUE(under_way.is_connected()) << under_way.close_message();

  // Who pins the old one only is out, who knows the new one is in.
  EXPECT_FALSE(gets_in(visitor));
  EXPECT_EQ(sinks_.back().closed->status.code(), StatusCode::kUnauthenticated);
  TlsContext::Options knowing;
  knowing.alpn = {"echostream/1"};
  knowing.trust = Trust::pinned({renewed.fingerprint()});
  transport::QuicEndpoint::Dial dial;
  dial.remote = server_->address;
  dial.server_name = "server.test";
  dial.tls = TlsContext::make_client(std::move(knowing)).value();
  sinks_.emplace_back();
  RecordingSink& after = sinks_.back();
  after.connection = *visitor.endpoint->connect(world_.now(), std::move(dial), after);
  world_.run_for(1s);
  ASSERT_TRUE(after.is_connected()) << after.close_message();
  EXPECT_EQ(after.connection->peer_identity()->fingerprint(), renewed.fingerprint());

  const StreamId id = *before.connection->open_bidirectional();
  before.connection->write(id, Buffer::copy("still here"), true);
  world_.run_for(1s);
  EXPECT_EQ(server_->accepted.front()->stream(id).received, "still here");
}

}  // namespace
}  // namespace echostream::testing
