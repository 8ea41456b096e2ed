// A client and a server of HTTP/3 on virtual time, and what tests ask of them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/testing/sim.h"

#include "runtime/gateway/client/http_client.h"
#include "tests/support/http_test_server.h"

namespace echostream::testing {

using gateway::HttpClient;
using gateway::HttpClientOptions;
using gateway::HttpExchange;
using gateway::HttpHead;
using gateway::HttpRequest;
using gateway::HttpResponse;
using http3::Fields;
using http3::Http3Error;

/// Bytes that show where they were lost or swapped.
inline std::string numbered_text(std::size_t bytes) {
  std::string text;
  text.reserve(bytes + 24);
  for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * 7919) + ",";
  text.resize(bytes);
  return text;
}

inline HttpRequest post(std::string path, std::string_view body) {
  HttpRequest request("POST", std::move(path));
  request.body = Buffer::copy(body);
  return request;
}

inline HttpRequest streamed_post(std::string path) {
  HttpRequest request("POST", std::move(path));
  request.streams_body = true;
  return request;
}

struct SimHttp {
  explicit SimHttp(std::uint64_t seed = 1, LinkOptions link = {},
                   HttpTestServer::Options server_options = HttpTestServer::Options())
      : sim(seed),
        server_loop(sim.add_node("server", *SocketAddress::parse("10.0.0.1:0"))),
        client_loop(sim.add_node("client", *SocketAddress::parse("10.0.0.2:0"))),
        identity(Identity::self_signed("server.test", server_loop.wall_time()).value()),
        server(std::in_place, server_loop, "10.0.0.1:4433", identity, std::move(server_options)),
        options(Trust::pinned({identity.fingerprint()})) {
    sim.set_link("server", "client", link);
    sim.add_host("server.test", *SocketAddress::parse("10.0.0.1:0"));
  }
  ~SimHttp() { client.reset(); }

  /// Dials, and keeps the client.
  Status connect(std::string target = "https://server.test:4433") {
    auto dialled = sim.run(client_loop, HttpClient::connect(client_loop, target, options),
                           std::chrono::seconds(600));
    if (!dialled) return {StatusCode::kInternal, "the dial took too long"};
    if (!*dialled) return dialled->error();
    client = **std::move(dialled);
    return Status::ok();
  }
  template <class T>
  T run(Task<T> task) {
    auto result = sim.run(client_loop, std::move(task), std::chrono::seconds(600));
    ECHOSTREAM_CHECK(result.has_value(), "the task took too long");
    return *std::move(result);
  }
  Result<HttpResponse> fetch(HttpRequest request) { return run(client->fetch(std::move(request))); }
  void run_for(Duration duration) { sim.run_for(duration); }
  bool run_until(const std::function<bool()>& done) {
    return sim.run_until(done, std::chrono::seconds(600));
  }
  HttpTestServer::Request& request(std::size_t n) { return *server->requests.at(n); }

  Simulation sim;
  Loop& server_loop;
  Loop& client_loop;
  Identity identity;
  std::optional<HttpTestServer> server;
  HttpClientOptions options;
  std::unique_ptr<HttpClient> client;
};

}  // namespace echostream::testing
