// The TCP side door, and clients that break rules, or have time. Nothing of what they do lasts, is
// held without a bound, or keeps others from being served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/gateway/side_door_lab.h"
#include "tests/support/live_bytes.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string echo(std::string_view more = {}) {
  return SideDoorLab::json_post_1("Echo", "{}", more);
}

struct Outcome {
  int status;
  bool is_gone;
};

// What a request of such bytes gets, and whether the connection ends with it.
Outcome outcome(SideDoorLab& lab, std::string_view bytes) {
  const auto client = lab.client();
  client->send(bytes);
  const HttpsResponse got = lab.response(*client);
  lab.run_for(1s);
  return {got.status, client->has_ended()};
}

TEST(SideDoorHostile, W01_RefusesRequestsThatCanBeReadInTwoWays) {
  SideDoorLab lab;
  const std::string head = "POST /lab.v1.Lab/Echo HTTP/1.1\r\nContent-Type: application/json\r\n";
  for (const char* rest : {
           "Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
           "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
           "Host: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
           "Host: x\r\nContent-Length: 2, 2\r\n\r\n{}",
           "Host: x\r\nContent-Length : 2\r\n\r\n{}",
           "Host: x\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\n{}",
           "Host: x\nContent-Length: 2\n\n{}",
           "Host: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}",
           "Content-Length: 2\r\n\r\n{}",
           "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n",
       }) {
    const Outcome got = outcome(lab, head + rest + echo());
    EXPECT_EQ(got.status, 400) << rest;
    EXPECT_TRUE(got.is_gone) << rest;
  }
  for (const char* coding : {"gzip", "gzip, chunked"}) {
    const std::string line = "Transfer-Encoding: " + std::string(coding) + "\r\n\r\n";
    EXPECT_EQ(outcome(lab, head + "Host: x\r\n" + line + echo()).status, 501) << coding;
  }
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W06_TakesNothingThatIsNotTls) {
  SideDoorLab lab;
  const std::uint64_t refused = lab.server_node->stats().clients_refused;
  for (const char* bytes : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "nonsense, and quite some of it",
                            "\x16\x03\x01\xff\xff and so on"}) {
    auto client =
        std::make_unique<HttpsClient>(dynamic_cast<SimLoop&>(*lab.client_side),
                                      SocketAddress::ipv4({10, 0, 0, 1}, 4433), *lab.context);
    client->send_raw(bytes);  // behind a hello that is in order
    lab.run_for(15s);
    EXPECT_TRUE(client->is_gone()) << bytes;
    EXPECT_EQ(client->text, "");
  }
  EXPECT_GE(lab.server_node->stats().clients_refused, refused + 3);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W04_AHandshakeHasATime) {
  Lab::Options options;
  options.tune_server = [](NodeOptions& node) { node.handshake_timeout = 3s; };
  SideDoorLab lab(options);
  SimLoop& loop = dynamic_cast<SimLoop&>(*lab.client_side);
  struct Silent final : TcpHandler {
    void handle_bytes(BytesView) override {}
    void handle_end() override { is_gone = true; }
    void handle_writable() override {}
    void handle_failed(const Status&) override { is_gone = true; }
    bool is_gone = false;
  };
  Silent silent;
  const auto tcp = loop.connect_tcp(SocketAddress::ipv4({10, 0, 0, 1}, 4433));
  tcp->start(silent);
  // A hello of 512 bytes begins.
  (void)tcp->write(as_bytes(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
  for (int i = 0; i < 20 && !silent.is_gone; ++i) {
    (void)tcp->write(as_bytes(std::string_view("x")));
    lab.run_for(450ms);
    EXPECT_EQ(silent.is_gone, i >= 6) << i;
  }
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W04_AHeadHasATime) {
  HttpOptions http = with_side_door();
  http.body_timeout = 4s;
  SideDoorLab lab({}, http);
  const auto client = lab.client();
  HttpsResponse got;
  for (const char c : std::string("GET / HTTP/1.1\r\nHost: x\r\nX: ") + std::string(100, 'x')) {
    client->send({&c, 1});
    lab.run_for(100ms);
    got = take_response(client->text);
    if (got.status != 0) break;
  }
  EXPECT_EQ(got.status, 408);
  lab.run_for(3s);
  EXPECT_TRUE(client->is_gone());
}

TEST(SideDoorHostile, W04_ABodyHasATime) {
  HttpOptions http = with_side_door();
  http.body_timeout = 4s;
  SideDoorLab lab({}, http);
  for (const char* framing :
       {"Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1;"}) {
    const auto client = lab.client();
    client->send("POST /lab.v1.Lab/Echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
                 std::string(framing));
    HttpsResponse got;
    for (int i = 0; i < 100 && got.status == 0; ++i) {
      client->send("x");
      lab.run_for(100ms);
      got = take_response(client->text);
    }
    EXPECT_EQ(got.status, 504) << framing;
    EXPECT_TRUE(got.has("connection: close"));
    lab.run_for(3s);
    EXPECT_TRUE(client->is_gone());
  }
  EXPECT_EQ(lab.server_handler->calls, 0);
}

TEST(SideDoorHostile, W04_AnIdleConnectionEnds) {
  Lab::Options options;
  options.idle_timeout = 10s;
  SideDoorLab lab(options);
  const auto silent = lab.client();
  const auto polite = lab.client();
  const auto trickling = lab.client();
  const auto busy = lab.client();
  busy->send(SideDoorLab::json_post_1("Delay", R"({"text": "late", "number": 60000})",
                                      "Connect-Timeout-Ms: 120000\r\n"));
  for (int i = 0; i < 14; ++i) {
    lab.run_for(1s);
    trickling->send("\r\n");
    if (i == 7) {
      EXPECT_EQ(lab.ask(*polite, echo()).status, 200);
    }
  }
  EXPECT_TRUE(silent->has_ended());
  EXPECT_TRUE(trickling->has_ended());
  EXPECT_FALSE(polite->has_ended());
  // Who waits for an answer is not idle.
  EXPECT_EQ(lab.response(*busy, 60s).status, 200);
}

// NodeOptions::idle_timeout, as of a session over QUIC.
TEST(SideDoorHostile, W04_WithoutAnIdleTimeoutNobodyIsIdle) {
  Lab::Options options;
  options.idle_timeout = Duration::zero();
  SideDoorLab lab(options);
  const auto client = lab.client();
  EXPECT_EQ(lab.ask(*client, echo()).status, 200);
  lab.run_for(300s);
  EXPECT_EQ(lab.ask(*client, echo()).status, 200);
  // One that is refused can still read why.
  EXPECT_EQ(lab.ask(*client, "this is no HTTP\r\n\r\n").status, 400);
}

TEST(SideDoorHostile, W02_HeadsHaveALimit) {
  SideDoorLab lab;
  const auto client = lab.client();
  client->send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x'));
  const HttpsResponse got = lab.response(*client);
  EXPECT_EQ(got.status, 431);
  EXPECT_TRUE(got.has("connection: close"));
  EXPECT_EQ(outcome(lab, "GET /" + std::string(20'000, 'x')).status, 431);
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 1000; ++i) many += "A:\r\n";
  EXPECT_EQ(outcome(lab, many).status, 431);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W02_BodiesHaveALimitBeforeTheyAreHeld) {
  Lab::Options options;
  options.server_limits.max_message_bytes = 10'000;
  SideDoorLab lab(options);
  const std::string head =
      "POST /lab.v1.Lab/Echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(outcome(lab, head + "Content-Length: 10001\r\n\r\n").status, 429);
  EXPECT_EQ(outcome(lab, head + "Content-Length: 999999999999\r\n\r\n").status, 429);
  const std::size_t before = live_bytes();
  const auto client = lab.client();
  client->send(head + "Transfer-Encoding: chunked\r\n\r\n");
  std::size_t sent = 0;
  HttpsResponse got;
  for (; sent < 50'000'000 && got.status == 0; sent += 1000) {
    client->send("3e8\r\n" + std::string(1000, ' ') + "\r\n");
    lab.run_for(1ms);
    got = take_response(client->text);
  }
  EXPECT_EQ(got.status, 429);
  EXPECT_LT(sent, 20'000u);
  EXPECT_LT(live_bytes(), before + 500'000);
}

TEST(SideDoorHostile, W03_WhoDoesNotReadIsHeldBackAndThenPutOut) {
  Lab::Options options;
  options.server_limits.stalled_peer_timeout = 20s;
  HttpOptions http = with_side_door();
  http.console = true;
  SideDoorLab lab(options, http);
  const auto client = lab.client();
  lab.run_for(1s);
  client->set_reading(false);
  const std::size_t before = live_bytes();
  for (int i = 0; i < 1000; ++i) client->send("GET /console.js HTTP/1.1\r\nHost: x\r\n\r\n");
  lab.run_for(10s);
  EXPECT_LT(live_bytes(), before + 1'000'000);
  EXPECT_EQ(lab.closed_at_server.size(), 0u);
  EXPECT_TRUE(lab.serves_others());
  lab.run_for(30s);
  EXPECT_TRUE(std::any_of(
      lab.closed_at_server.begin(), lab.closed_at_server.end(), [](const Status& status) {
        return status.message().find("stalled_peer_timeout") != std::string::npos;
      }));
  client->set_reading(true);
  lab.run_for(10s);
  EXPECT_TRUE(client->is_gone());
}

TEST(SideDoorHostile, W03_ASlowReaderThatGoesOnIsServed) {
  Lab::Options options;
  options.server_limits.stalled_peer_timeout = 20s;
  options.server_limits.max_message_bytes = 4 * 1024 * 1024;
  SideDoorLab lab(options);
  const auto client = lab.client();
  client->send(
      SideDoorLab::json_post_1("Echo", R"({"text": ")" + std::string(1'000'000, 'x') + R"("})"));
  lab.run_for(1s);
  for (int i = 0; i < 100 && !client->is_gone(); ++i) {
    client->set_reading(false);
    lab.run_for(9s);
    client->set_reading(true);
    lab.run_for(1ms);
  }
  EXPECT_EQ(take_response(client->text).status, 200);
}

TEST(SideDoorHostile, W05_ThereAreOnlySoManyConnections) {
  Lab::Options options;
  options.tune_server = [](NodeOptions& node) { node.max_sessions = 5; };
  SideDoorLab lab(options);  // two sessions are there
  std::vector<std::unique_ptr<HttpsClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(lab.start_client());
    lab.run_for(1s);
  }
  std::size_t served = 0;
  for (const auto& client : clients) {
    if (client->is_gone()) continue;
    served += lab.ask(*client, echo()).status == 200 ? 1 : 0;
  }
  EXPECT_EQ(served, 3u);
  clients.clear();
  lab.run_for(1s);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W05_OneAddressHasOnlySoMany) {
  Lab::Options options;
  options.tune_server = [](NodeOptions& node) { node.max_sessions_per_address = 4; };
  SideDoorLab lab(options);
  std::vector<std::unique_ptr<HttpsClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(lab.start_client());
    lab.run_for(100ms);
  }
  EXPECT_EQ(std::count_if(clients.begin(), clients.end(),
                          [](const auto& client) { return client->is_open(); }),
            4);
  clients.clear();
  lab.run_for(5s);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W05_OneNetworkBeginsOnlySoMuchInASecond) {
  Lab::Options options;
  options.tune_server = [](NodeOptions& node) { node.max_handshakes_per_network = 20; };
  SideDoorLab lab(options);
  lab.run_for(5s);
  const std::uint64_t before = lab.server_node->stats().handshakes_started;
  for (int i = 0; i < 200; ++i) (void)lab.start_client();
  EXPECT_LE(lab.server_node->stats().handshakes_started, before + 21);
  lab.run_for(5s);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W05_HandshakesThatAreNotFinishedMakeRoomForOthers) {
  Lab::Options options;
  options.tune_server = [](NodeOptions& node) {
    node.max_sessions_per_address = 0;
    node.max_handshakes_per_network = 0;
  };
  SideDoorLab lab(options);
  struct Silent final : TcpHandler {
    void handle_bytes(BytesView) override {}
    void handle_end() override {}
    void handle_writable() override {}
    void handle_failed(const Status&) override {}
  };
  Silent silent;
  const std::size_t before = live_bytes();
  std::vector<std::unique_ptr<SimTcpConnection>> flood;
  for (int i = 0; i < 3000; ++i) {
    flood.push_back(dynamic_cast<SimLoop&>(*lab.client_side)
                        .connect_tcp(SocketAddress::ipv4({10, 0, 0, 1}, 4433)));
    flood.back()->start(silent);
    if (i % 100 == 0) lab.run_for(1ms);
  }
  EXPECT_LT(live_bytes(), before + 40'000'000);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W07_AResetAtAnyTimeLeavesNothingBehind) {
  SideDoorLab lab;
  const std::string request = echo();
  ASSERT_TRUE(lab.serves_others());
  lab.run_for(10s);
  const std::size_t open = lab.server_node->stats().sessions_open;
  for (std::size_t size = 0; size <= request.size(); size += 3) {
    const auto client = lab.client();
    client->send(request.substr(0, size));
    client->reset();
    lab.run_for(10ms);
  }
  for (int after = 0; after < 5; ++after) {
    const auto client = lab.start_client();
    lab.run_for(std::chrono::milliseconds(after));
    client->reset();
    lab.run_for(10ms);
  }
  lab.run_for(5s);
  EXPECT_EQ(lab.server_node->stats().sessions_open, open);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W07_AnEndInTheMiddleOfARequestIsTheEndOfIt) {
  SideDoorLab lab;
  for (const bool says_so : {true, false}) {
    const auto client = lab.client();
    client->send(
        "POST /lab.v1.Lab/Echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{");
    says_so ? client->end() : client->end_without_a_word();
    lab.run_for(5s);
    EXPECT_TRUE(client->is_gone());
    EXPECT_EQ(client->text, "");
  }
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_TRUE(lab.serves_others());
}

TEST(SideDoorHostile, W07_WhoIsRefusedCanReadWhyWhileItStillSends) {
  SideDoorLab lab;
  const auto client = lab.client();
  client->send(
      "POST /lab.v1.Lab/Nothing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Content-Length: 500000\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    client->send(std::string(10'000, 'x'));
    lab.run_for(20ms);
  }
  EXPECT_EQ(take_response(client->text).status, 404);
  EXPECT_TRUE(client->has_ended());
  EXPECT_FALSE(client->has_failed());
  for (int i = 0; i < 1000 && !client->is_gone(); ++i) client->send(std::string(10'000, 'x'));
  lab.run_for(5s);
  EXPECT_TRUE(client->is_gone());
}

}  // namespace
}  // namespace echostream::testing
