// A node with the TCP side door, and clients of it, over the simulated network.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "echostream/node_stats.h"

#include "tests/gateway/gateway_lab.h"
#include "tests/support/https_client.h"

namespace echostream::testing {

inline HttpOptions with_side_door() {
  HttpOptions options;
  options.tcp_side_door = true;
  options.allowed_origins = {"https://console.example"};
  return options;
}

class SideDoorLab : public GatewayLab {
 public:
  explicit SideDoorLab(const Options& chosen = {}, HttpOptions http_options = with_side_door(),
                       const std::function<void(Node&)>& prepare = nullptr)
      : GatewayLab(chosen, std::move(http_options), prepare) {
    transport::TlsContext::Options tls;
    tls.alpn = {"http/1.1"};
    tls.trust = Trust::pinned({at_client->peer_identity()->fingerprint()});
    context = transport::TlsContext::make_client(std::move(tls)).value();
  }

  /// One whose handshake has begun.
  std::unique_ptr<HttpsClient> start_client() {
    return std::make_unique<HttpsClient>(dynamic_cast<SimLoop&>(*client_side),
                                         SocketAddress::ipv4({10, 0, 0, 1}, 4433), *context);
  }
  std::unique_ptr<HttpsClient> client() {
    auto made = start_client();
    EXPECT_TRUE(wait([&] { return made->is_open(); }));
    return made;
  }
  bool wait(const std::function<bool()>& done, Duration limit = std::chrono::seconds(5)) {
    return sim.run_until(done, limit);
  }
  /// The next response; its status is 0 when none comes.
  HttpsResponse response(HttpsClient& from, Duration limit = std::chrono::seconds(5)) {
    HttpsResponse got;
    (void)wait(
        [&] {
          got = take_response(from.text);
          return got.status != 0 || from.is_gone();
        },
        limit);
    return got;
  }
  HttpsResponse ask(HttpsClient& from, std::string_view request) {
    from.send(request);
    return response(from);
  }
  /// Everybody else is served as ever.
  bool serves_others() {
    const auto other = client();
    return ask(*other, json_post_1("Echo", R"({"text": "others"})")).status == 200 &&
           post_json("Echo", R"({"text": "others"})").status == 200;
  }

  static std::string json_post_1(std::string_view method, std::string_view body,
                                 std::string_view more = {}) {
    return "POST /lab.v1.Lab/" + std::string(method) +
           " HTTP/1.1\r\nHost: robot.example\r\nContent-Type: application/json\r\n" +
           std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }

  std::shared_ptr<transport::TlsContext> context;
};

}  // namespace echostream::testing
