// A node that serves the Lab to peers of our own protocol and to an HTTP/3 client, over the
// simulated network.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/http.h"

#include "runtime/gateway/client/http_client.h"
#include "tests/support/lab.h"

namespace echostream::testing {

class GatewayLab : public Lab {
 public:
  /// `prepare` gets the server before it listens.
  explicit GatewayLab(const Options& chosen = {}, HttpOptions http_options = {},
                      const std::function<void(Node&)>& prepare = nullptr)
      : Lab(chosen) {
    if (prepare) prepare(*server_node);
    Status status = enable_http(*server_node, std::move(http_options));
    EXPECT_TRUE(status.is_ok()) << status;
    connect();
    dial();
  }

  /// A new connection.
  void dial() {
    if (!at_client) return;
    gateway::HttpClientOptions client_options(
        Trust::pinned({at_client->peer_identity()->fingerprint()}));
    client_options.use_environment = false;
    auto dialled =
        run(gateway::HttpClient::connect(client_loop(), "10.0.0.1:4433", client_options));
    if (!dialled || !*dialled) {
      ADD_FAILURE() << "the HTTP client did not connect: "
                    << (dialled ? dialled->status() : Status::ok());
      return;
    }
    http = *std::move(*dialled);
  }

  gateway::HttpResponse fetch(gateway::HttpRequest request) {
    auto response = run(http->fetch(std::move(request)));
    if (!response || !*response) {
      ADD_FAILURE() << (response ? response->status() : Status::ok());
      return {};
    }
    return **std::move(response);
  }
  /// A POST to a method of the Lab.
  static gateway::HttpRequest post(const std::string& method, const std::string& type,
                                   std::string_view body) {
    gateway::HttpRequest request("POST", "/lab.v1.Lab/" + method);
    request.fields.add("content-type", type);
    request.body = Buffer::copy(body);
    return request;
  }
  gateway::HttpResponse post_json(const std::string& method, std::string_view json) {
    return fetch(post(method, "application/json", json));
  }

  std::unique_ptr<gateway::HttpClient> http;
};

inline std::string body_of(const gateway::HttpResponse& response) {
  return std::string(as_text(response.body.view()));
}

/// A message with the five bytes that stand before it in Connect's and gRPC's streams.
inline std::string envelope(std::string_view message, char flags = 0) {
  std::string bytes(1, flags);
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(message.size() >> shift & 0xff);
  }
  return bytes.append(message);
}

struct Envelope {
  int flags = 0;
  std::string message;
};

/// What envelopes a body is made of; fails the test when it ends inside one.
inline std::vector<Envelope> envelopes(std::string_view body) {
  std::vector<Envelope> found;
  while (body.size() >= 5) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    if (body.size() - 5 < length) break;
    found.push_back({static_cast<unsigned char>(body[0]), std::string(body.substr(5, length))});
    body.remove_prefix(5 + length);
  }
  EXPECT_TRUE(body.empty()) << body.size() << " bytes are left";
  return found;
}

}  // namespace echostream::testing
