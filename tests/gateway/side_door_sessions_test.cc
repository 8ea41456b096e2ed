// What comes through the TCP side door is a session: plugins and middleware look at it; each node
// of a pool has a part of them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include "echostream/middleware.h"
#include "echostream/node_pool.h"
#include "echostream/plugin.h"

#include "runtime/loop/uv/unique_fd.h"
#include "tests/gateway/side_door_lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Porter final : public Plugin {
 public:
  std::string_view name() const override { return "porter"; }
  Task<Status> on_session_opening(Node&, Session) override {
    ++asked;
    (void)co_await sleep_for(100ms);
    Status answer = verdict;
    co_return answer;
  }
  Status verdict = Status::ok();
  int asked = 0;
};

struct PorterLab {
  std::shared_ptr<Porter> porter = std::make_shared<Porter>();
  SideDoorLab lab{
      {}, with_side_door(), [this](Node& node) { EXPECT_TRUE(node.add_plugin(porter).is_ok()); }};
};

TEST(SideDoorSessions, WaitForPluginsThatLookAtThem) {
  PorterLab guarded;
  SideDoorLab& lab = guarded.lab;
  lab.run_for(1s);
  const int before = guarded.porter->asked;
  const auto client = lab.client();
  client->send(SideDoorLab::json_post_1("Echo", R"({"text": "let in"})"));
  lab.run_for(50ms);
  EXPECT_EQ(guarded.porter->asked, before + 1);
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_EQ(lab.response(*client).body, R"({"text":"let in"})");
}

TEST(SideDoorSessions, OneThatIsRefusedHearsWhyAndNothingRan) {
  PorterLab guarded;
  SideDoorLab& lab = guarded.lab;
  lab.run_for(1s);
  guarded.porter->verdict = Status(StatusCode::kPermissionDenied, "not you");
  const auto client = lab.client();
  client->send(SideDoorLab::json_post_1("Echo", "{}"));
  lab.run_for(5s);
  EXPECT_TRUE(client->is_gone());
  EXPECT_THAT(client->text, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(client->text, HasSubstr("not you"));
  EXPECT_EQ(lab.server_handler->calls, 0);
}

class TokenCheck final : public Middleware {
 public:
  std::string_view name() const override { return "token check"; }
  Task<Status> serve(InterceptedCall& call, Next next) override {
    const std::string token(call.metadata().find("authorization").value_or(""));
    if (token != "Bearer secret") {
      return refuse(Status(StatusCode::kUnauthenticated, "show the token"));
    }
    return next();
  }

 private:
  static Task<Status> refuse(Status status) { co_return status; }
};

TEST(SideDoorSessions, MiddlewareJudgesEachRequestByItself) {
  SideDoorLab lab;
  lab.server_node->add_middleware(std::make_shared<TokenCheck>());
  const auto client = lab.client();
  const HttpsResponse refused = lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("show the token"));
  EXPECT_EQ(
      lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}", "Authorization: Bearer secret\r\n"))
          .status,
      200);
  EXPECT_EQ(lab.ask(*client, SideDoorLab::json_post_1("Echo", "{}")).status, 401);
}

TEST(SideDoorSessions, ShowTheCertificatesThatTheNodeAsksFor) {
  SideDoorLab lab;
  ASSERT_TRUE(lab.server_node->set_client_trust(Trust::pinned({})).code() ==
              StatusCode::kInvalidArgument);
  const auto other = Identity::self_signed("friend", lab.server_side->wall_time());
  ASSERT_TRUE(lab.server_node->set_client_trust(Trust::pinned({other->fingerprint()})).is_ok());
  const auto stranger = lab.start_client();
  lab.run_for(2s);
  EXPECT_EQ(lab.ask(*stranger, SideDoorLab::json_post_1("Echo", "{}")).status, 0);
  EXPECT_TRUE(stranger->is_gone());
  transport::TlsContext::Options tls;
  tls.alpn = {"http/1.1"};
  tls.identity = *other;
  tls.trust = Trust::pinned({lab.at_client->peer_identity()->fingerprint()});
  lab.context = transport::TlsContext::make_client(std::move(tls)).value();
  const auto known = lab.client();
  const HttpsResponse done = lab.ask(*known, SideDoorLab::json_post_1("WhoAmI", "{}"));
  EXPECT_THAT(done.body, HasSubstr("friend, verified by a pin"));
}

// Over real sockets, and one request: a client of a few lines that waits.
std::string fetch(std::uint16_t port, transport::TlsContext& context, const std::string& request) {
  const internal::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return {};
  transport::PeerCheck check;
  check.now = WallTime(std::chrono::system_clock::now().time_since_epoch());
  const auto ssl = transport::make_ssl(context, check);
  SSL_set_fd(ssl.get(), fd.get());
  if (SSL_do_handshake(ssl.get()) != 1) return {};
  (void)SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
  std::string text;
  std::array<char, 4096> piece;
  int size = 0;
  while ((size = SSL_read(ssl.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
  ERR_clear_error();
  return text;
}

TEST(SideDoorSessions, APoolSharesThePortOverTcpToo) {
  auto loop = make_loop();
  ASSERT_TRUE(loop);
  NodePoolOptions options;
  options.threads = 3;
  options.node.identity = *Identity::self_signed("pool", (*loop)->wall_time());
  auto made = NodePool::make(options);
  ASSERT_TRUE(made) << made.status();
  NodePool& pool = **made;
  ASSERT_TRUE(pool.serve([](std::size_t) { return std::make_shared<LabHandler>(); }).is_ok());
  pool.for_each(
      [](std::size_t, Node& node) { EXPECT_TRUE(enable_http(node, with_side_door()).is_ok()); });
  const auto bound = pool.listen("127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.status();
  transport::TlsContext::Options tls;
  tls.alpn = {"http/1.1"};
  tls.trust = Trust::pinned({options.node.identity->fingerprint()});
  const auto context = transport::TlsContext::make_client(std::move(tls)).value();
  const std::string request =
      SideDoorLab::json_post_1("Echo", R"({"text": "pool"})", "Connection: close\r\n");
  for (int i = 0; i < 20; ++i) {
    std::string text = fetch(bound->port(), *context, request);
    EXPECT_EQ(take_response(text).body, R"({"text":"pool"})");
  }
}

}  // namespace
}  // namespace echostream::testing
