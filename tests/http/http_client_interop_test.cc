// Our HTTP/3 client against ngtcp2's example server, whose TLS is GnuTLS: files, many requests at
// once, loss.
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "echostream/loop.h"

#include "runtime/gateway/client/http_client.h"
#include "tests/support/free_port.h"
#include "tests/support/test_files.h"
#include "tests/transport/child_process.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using gateway::HttpClient;
using gateway::HttpClientOptions;
using gateway::HttpRequest;

constexpr std::size_t kFileBytes = 3'000'000;

// What does not repeat, so that misplaced pieces show.
std::string file_of(std::size_t bytes) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < bytes) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>(state >> 24);
  }
  return text;
}

class OthersServer : public ::testing::TestWithParam<std::vector<std::string>> {
 protected:
  void SetUp() override {
    const std::string program = ChildProcess::find_program("gtlsserver");
    if (program.empty()) {
      std::cerr << "*** SKIPPED: gtlsserver is not installed (Debian: ngtcp2-server) ***\n";
      GTEST_SKIP() << "gtlsserver is not installed (Debian: ngtcp2-server)";
    }
    write_file(folder_ / "key.pem", identity_.private_key_pem());
    write_file(folder_ / "leaf.pem", identity_.certificate_chain_pem());
    std::filesystem::create_directory(folder_.path() / "www");
    write_file(folder_ / "www/large.bin", file_);
    for (int i = 0; i < 10; ++i) {
      write_file(folder_ / ("www/" + std::to_string(i) + ".txt"), "file " + std::to_string(i));
    }
    port_ = free_udp_port();
    std::vector<std::string> arguments = {program, "--no-quic-dump", "--no-http-dump", "-d",
                                          folder_ / "www"};
    arguments.insert(arguments.end(), GetParam().begin(), GetParam().end());
    for (const std::string& last :
         {"127.0.0.1"s, std::to_string(port_), folder_ / "key.pem", folder_ / "leaf.pem"}) {
      arguments.push_back(last);
    }
    server_.emplace(arguments, folder_ / "log");
  }

  // A lost first packet is sent again: it may still be starting.
  std::unique_ptr<HttpClient> connect() {
    HttpClientOptions options(Trust::pinned({identity_.fingerprint()}));
    options.handshake_timeout = 30s;
    options.identity = identity_;  // shown only when the server asks
    auto client =
        run(*loop_, HttpClient::connect(*loop_, "127.0.0.1:" + std::to_string(port_), options));
    EXPECT_TRUE(client) << client.status() << server_->output().substr(0, 10'000);
    return client ? *std::move(client) : nullptr;
  }

  const TemporaryFolder folder_;
  const std::string file_ = file_of(kFileBytes);
  std::unique_ptr<Loop> loop_ = make_loop().value();
  const Identity identity_ = Identity::self_signed("localhost", loop_->wall_time()).value();
  std::uint16_t port_ = 0;
  std::optional<ChildProcess> server_;
};

TEST_P(OthersServer, GivesUsALargeFileExactly) {
  const auto client = connect();
  ASSERT_NE(client, nullptr);
  for (int round = 0; round < 3; ++round) {
    const auto response = run(*loop_, client->fetch(HttpRequest("GET", "/large.bin")));
    ASSERT_TRUE(response) << response.status();
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(response->body.text() == file_);
  }
  const auto missing = run(*loop_, client->fetch(HttpRequest("GET", "/missing")));
  ASSERT_TRUE(missing) << missing.status();
  EXPECT_EQ(missing->status, 404);
  const auto head = run(*loop_, client->fetch(HttpRequest("HEAD", "/large.bin")));
  ASSERT_TRUE(head) << head.status();
  EXPECT_EQ(head->fields.get("content-length"), std::to_string(kFileBytes));
  EXPECT_TRUE(head->body.empty());
}

Task<int> fetch_side_by_side(Loop& loop, HttpClient& client, int count) {
  TaskGroup group(loop);
  int good = 0;
  const auto one = [](HttpClient& asked, int n, int& counter) -> Task<void> {
    HttpRequest request("GET", "/" + std::to_string(n) + ".txt");
    auto response = co_await asked.fetch(std::move(request));
    EXPECT_TRUE(response) << response.status();
    if (response && response->body.text() == "file " + std::to_string(n)) ++counter;
  };
  for (int n = 0; n < count; ++n) group.spawn(one(client, n % 10, good));
  co_await group.join();
  co_return good;
}

TEST_P(OthersServer, AnswersManyRequestsAtOnce) {
  const auto client = connect();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(run(*loop_, fetch_side_by_side(*loop_, *client, 200)), 200);
}

TEST_P(OthersServer, GoesOnAfterRequestsThatWereCancelled) {
  const auto client = connect();
  ASSERT_NE(client, nullptr);
  for (int round = 0; round < 20; ++round) {
    auto exchange = client->request(HttpRequest("GET", "/large.bin"));
    ASSERT_TRUE(exchange) << exchange.status();
    if (round % 2 == 0) {
      const auto head = run(*loop_, exchange->head());
      EXPECT_TRUE(head) << head.status();
    }
  }
  const auto response = run(*loop_, client->fetch(HttpRequest("GET", "/1.txt")));
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(response->body.text(), "file 1");
}

std::string name_of(const ::testing::TestParamInfo<std::vector<std::string>>& info) {
  constexpr const char* kNames[] = {"Plain", "Retry", "AsksForACertificate", "Loss"};
  return kNames[info.index];
}

using Arguments = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(Gtls, OthersServer,
                         ::testing::Values(Arguments{}, Arguments{"-V"},
                                           Arguments{"--verify-client"},
                                           Arguments{"--tx-loss=0.05", "--rx-loss=0.05"}),
                         name_of);

}  // namespace
}  // namespace echostream::testing
