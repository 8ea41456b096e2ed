// The TCP side door, as decent clients use it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gateway/side_door_lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(SideDoor, AnswersUnaryCallsOnOneConnection) {
  SideDoorLab lab;
  const auto client = lab.client();
  EXPECT_EQ(client->alpn(), "http/1.1");
  for (int i = 0; i < 3; ++i) {
    const HttpsResponse done =
        lab.ask(*client, SideDoorLab::json_post_1("Echo", R"({"text": "hello"})"));
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(done.body, R"({"text":"hello"})");
    EXPECT_TRUE(done.has("content-type: application/json"));
    EXPECT_TRUE(done.has("alt-svc: h3=\":4433\"; ma=3600"));
    EXPECT_FALSE(done.has("connection: close"));
  }
  EXPECT_EQ(lab.server_handler->calls, 3);
  const NodeStats stats = lab.server_node->stats();
  EXPECT_EQ(stats.sessions_open, 3u);  // ours, of HTTP/3, and this one
}

TEST(SideDoor, ServesWhatComesInPieces) {
  SideDoorLab lab;
  const auto client = lab.client();
  for (const char c : SideDoorLab::json_post_1("Echo", R"({"text": "slow"})")) {
    client->send({&c, 1});
    lab.run_for(1ms);
  }
  EXPECT_EQ(lab.response(*client).body, R"({"text":"slow"})");
  client->send(
      "POST /lab.v1.Lab/Echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"tex\r\n");
  lab.run_for(1s);
  EXPECT_EQ(lab.ask(*client, "9\r\nt\": \"in\"}\r\n0\r\n\r\n").body, R"({"text":"in"})");
}

TEST(SideDoor, ServesRequestsThatComeTogetherOneAfterTheOther) {
  SideDoorLab lab;
  const auto client = lab.client();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += SideDoorLab::json_post_1("Echo", "{\"text\": \"" + std::to_string(i) + "\"}");
  }
  client->send(all);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(lab.response(*client).body, "{\"text\":\"" + std::to_string(i) + "\"}");
  }
}

// A packet holds hundreds of requests that are answered at once.
TEST(SideDoor, WhoAsksALotAtOnceLeavesOthersTheirTurn) {
  SideDoorLab lab;
  const auto greedy = lab.client();
  ASSERT_EQ(lab.ask(*greedy, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
  ASSERT_TRUE(lab.at_server);
  const Session session = *lab.at_server;
  const auto other = lab.client();
  const std::uint64_t before = session.stats().bytes_sent;
  constexpr int kRequests = 600;
  std::string many;
  for (int i = 0; i < kRequests; ++i) many += "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
  greedy->send(many);
  other->send(SideDoorLab::json_post_1("Echo", "{}"));
  ASSERT_TRUE(lab.wait([&] { return lab.server_handler->calls == 1; }));
  EXPECT_LT(session.stats().bytes_sent - before, 10'000u);
  EXPECT_EQ(lab.response(*other).status, 200);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(lab.response(*greedy).status, 404) << i;
}

TEST(SideDoor, AnswersGets) {
  SideDoorLab lab;
  const auto client = lab.client();
  const HttpsResponse done =
      lab.ask(*client,
              "GET /lab.v1.Lab/Echo?connect=v1&encoding=json&message=%7B%22text%22%3A%22get%22%7D"
              " HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, R"({"text":"get"})");
}

TEST(SideDoor, TakesOneWayEvents) {
  SideDoorLab lab;
  const auto client = lab.client();
  const HttpsResponse done =
      lab.ask(*client, SideDoorLab::json_post_1("Note", R"({"text": "noted"})"));
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, "{}");
  lab.run_for(1s);
  EXPECT_EQ(lab.server_handler->notes, std::vector<std::string>{"noted"});
}

TEST(SideDoor, TellsErrorsAsConnectDoes) {
  SideDoorLab lab;
  const auto client = lab.client();
  const HttpsResponse failed =
      lab.ask(*client, SideDoorLab::json_post_1("Fail", R"({"text": "gone", "number": 5})"));
  EXPECT_EQ(failed.status, 404);
  EXPECT_THAT(failed.body, HasSubstr(R"("code":"not_found")"));
  EXPECT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Echo", "{")).status, 400);
  EXPECT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Nothing", "{}")).status, 404);
  EXPECT_EQ(lab.ask(*client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  const HttpsResponse put = lab.ask(*client, "PUT /lab.v1.Lab/Echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}")).status, 200);
}

TEST(SideDoor, SaysThatStreamsNeedHttp3) {
  SideDoorLab lab;
  const auto client = lab.client();
  const auto ask = [&](const std::string& type) {
    const std::string body = envelope("{}");
    return lab.ask(*client,
                   "POST /lab.v1.Lab/CountUp HTTP/1.1\r\nHost: x\r\nContent-Type: " + type +
                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  const HttpsResponse connect = ask("application/connect+json");
  ASSERT_EQ(envelopes(connect.body).size(), 1u);
  EXPECT_THAT(envelopes(connect.body)[0].message, HasSubstr(R"("code":"unimplemented")"));
  EXPECT_THAT(envelopes(connect.body)[0].message, HasSubstr("HTTP/3"));
  EXPECT_TRUE(ask("application/grpc+json").has("grpc-status: 12"));
  EXPECT_TRUE(ask("application/grpc-web+json").has("grpc-status: 12"));
  const HttpsResponse unary = ask("application/json");
  EXPECT_EQ(unary.status, 415);
  // A subscription is a stream as well.
  client->send(
      "POST /lab.v1.Lab/News HTTP/1.1\r\nHost: x\r\nContent-Type: "
      "application/connect+json\r\nContent-Length: 7\r\n\r\n" +
      envelope("{}"));
  EXPECT_THAT(lab.response(*client).body, HasSubstr("unimplemented"));
  EXPECT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}")).status, 200);
}

TEST(SideDoor, HoldsPagesOfOtherOriginsToTheSameRules) {
  HttpOptions options = with_side_door();
  options.allowed_hosts = {"robot.example"};
  SideDoorLab lab({}, options);
  const auto client = lab.client();
  const auto preflight = [&](const std::string& origin) {
    return lab.ask(*client, "OPTIONS /lab.v1.Lab/Echo HTTP/1.1\r\nHost: robot.example\r\nOrigin: " +
                                origin + "\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  };
  EXPECT_TRUE(preflight("https://console.example")
                  .has("access-control-allow-origin: https://console.example"));
  EXPECT_EQ(preflight("https://evil.example").status, 403);
  EXPECT_EQ(lab.ask(*client, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 421);
  EXPECT_EQ(
      lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}", "Origin: https://robot.example\r\n"))
          .status,
      200);
}

TEST(SideDoor, ServesTheConsolesPage) {
  HttpOptions options = with_side_door();
  options.console = true;
  SideDoorLab lab({}, options);
  const auto client = lab.client();
  const HttpsResponse page = lab.ask(*client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(page.has("content-type: text/html; charset=utf-8"));
  EXPECT_THAT(page.body, HasSubstr("</html>"));
  EXPECT_TRUE(page.has("alt-svc: h3=\":4433\"; ma=3600"));
  client->send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(lab.wait([&] { return client->text.ends_with("\r\n\r\n"); }));
  EXPECT_THAT(client->text, HasSubstr("content-length: " + std::to_string(page.body.size())));
}

TEST(SideDoor, AnswersLargeReplies) {
  Lab::Options options;
  options.server_limits.max_message_bytes = 4 * 1024 * 1024;
  SideDoorLab lab(options);
  const auto client = lab.client();
  const std::string text(3'000'000, 'x');
  const HttpsResponse done =
      lab.ask(*client, SideDoorLab::json_post_1("Echo", R"({"text": ")" + text + R"("})"));
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body.size(), text.size() + std::string_view(R"({"text":""})").size());
}

TEST(SideDoor, ItsClientsAreSessions) {
  SideDoorLab lab;
  const auto client = lab.client();
  ASSERT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}")).status, 200);
  lab.run_for(1s);
  ASSERT_TRUE(lab.at_server);
  EXPECT_EQ(lab.at_server->remote_address().with_port(0), SocketAddress::ipv4({10, 0, 0, 2}, 0));
  const SessionStats stats = lab.at_server->stats();
  EXPECT_GT(stats.bytes_received, 100u);
  EXPECT_GT(stats.bytes_sent, 100u);
  const auto material = lab.at_server->export_keying_material("EXPORTER-test", "", 32);
  ASSERT_TRUE(material) << material.status();
  EXPECT_EQ(material->size(), 32u);
  const std::size_t closed = lab.closed_at_server.size();
  client->end();
  lab.run_for(1s);
  EXPECT_EQ(lab.closed_at_server.size(), closed + 1);
}

TEST(SideDoor, ACallEndsWhenItsClientLeaves) {
  for (int how = 0; how < 3; ++how) {
    SideDoorLab lab;
    const auto client = lab.client();
    client->send(SideDoorLab::json_post_1("Delay", R"({"text": "x", "number": 3600000})"));
    lab.run_for(1s);
    ASSERT_EQ(lab.server_handler->running, 1);
    if (how == 0) client->end();
    if (how == 1) client->leave();
    if (how == 2) client->reset();
    lab.run_for(1s);
    EXPECT_EQ(lab.server_handler->running, 0) << how;
    EXPECT_EQ(lab.server_handler->cancelled, 1) << how;
    EXPECT_TRUE(lab.serves_others());
  }
}

TEST(SideDoor, GoesOnWithAnotherIdentity) {
  SideDoorLab lab;
  const auto before = lab.client();
  auto other = Identity::self_signed("server", lab.server_side->wall_time());
  ASSERT_TRUE(other);
  ASSERT_TRUE(lab.server_node->set_identity(*other).is_ok());
  EXPECT_EQ(lab.ask(*before, SideDoorLab::json_post_1("Echo", "{}")).status, 200);
  const auto stranger = lab.start_client();
  lab.run_for(2s);
  EXPECT_FALSE(stranger->is_open());  // it trusts the first one
  transport::TlsContext::Options tls;
  tls.alpn = {"http/1.1"};
  tls.trust = Trust::pinned({other->fingerprint()});
  lab.context = transport::TlsContext::make_client(std::move(tls)).value();
  const auto after = lab.client();
  EXPECT_EQ(lab.ask(*after, SideDoorLab::json_post_1("Echo", "{}")).status, 200);
}

TEST(SideDoor, IsDrainedWithTheNode) {
  SideDoorLab lab;
  const auto idle = lab.client();
  const auto busy = lab.client();
  busy->send(SideDoorLab::json_post_1("Delay", R"({"text": "late", "number": 1000})"));
  lab.run_for(100ms);
  bool is_down = false;
  const auto watch = [](Node& node, bool& done) -> Task<void> {
    co_await node.shutdown(10s);
    done = true;
  };
  TaskGroup tasks(*lab.server_side);
  tasks.spawn(watch(*lab.server_node, is_down));
  lab.run_for(500ms);
  EXPECT_TRUE(idle->has_ended());
  EXPECT_FALSE(is_down);
  const HttpsResponse last = lab.response(*busy);
  EXPECT_EQ(last.status, 200);
  EXPECT_TRUE(last.has("connection: close"));
  ASSERT_TRUE(lab.wait([&] { return is_down; }));
  const auto late = lab.start_client();
  lab.run_for(1s);
  EXPECT_FALSE(late->is_open());
}

TEST(SideDoor, GoesAwayWithTheNode) {
  SideDoorLab lab;
  const auto client = lab.client();
  client->send(SideDoorLab::json_post_1("Delay", R"({"text": "never", "number": 3600000})"));
  const auto half = lab.start_client();
  lab.run_for(10ms);
  lab.server_node.reset();
  lab.run_for(1s);
  EXPECT_TRUE(client->is_gone());
  EXPECT_TRUE(half->is_gone());
}

TEST(SideDoor, NeedsTheSamePortOverTcp) {
  SideDoorLab lab;
  NodeOptions options;
  options.identity = *Identity::self_signed("second", lab.server_side->wall_time());
  Node node(*lab.server_side, options);
  ASSERT_TRUE(enable_http(node, with_side_door()).is_ok());
  TcpOptions taken;
  taken.bind_to = SocketAddress::ipv4({10, 0, 0, 1}, 5000);
  const auto other = lab.server_side->listen_tcp(taken, [](std::unique_ptr<TcpConnection>) {});
  ASSERT_TRUE(other);
  const auto refused = node.listen("10.0.0.1:5000");
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("TCP side door"));
  // UDP was given back; a port that the system chooses is one that is free over both.
  const auto free = node.listen("10.0.0.1:5001");
  EXPECT_TRUE(free) << free.status();
  taken.bind_to = taken.bind_to.with_port(0);
  std::vector<std::unique_ptr<TcpListener>> others;
  for (int i = 0; i < 5; ++i) {
    auto one = lab.server_side->listen_tcp(taken, [](std::unique_ptr<TcpConnection>) {});
    ASSERT_TRUE(one);
    others.push_back(*std::move(one));
  }
  const auto chosen = node.listen("10.0.0.1:0");
  EXPECT_TRUE(chosen) << chosen.status();
}

TEST(SideDoor, IsOffUnlessItIsAskedFor) {
  GatewayLab lab;
  EXPECT_EQ(dynamic_cast<SimLoop&>(*lab.client_side)
                .connect_tcp(SocketAddress::ipv4({10, 0, 0, 1}, 4433)),
            nullptr);
}

}  // namespace
}  // namespace echostream::testing
