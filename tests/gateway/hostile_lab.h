// A node with HTTP, whoever talks to it decently, and clients that break rules.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tests/gateway/gateway_lab.h"
#include "tests/support/live_bytes.h"
#include "tests/support/raw_http_client.h"

namespace echostream::testing {

class HostileLab : public GatewayLab {
 public:
  using GatewayLab::GatewayLab;

  /// A client whose connection is open.
  std::unique_ptr<RawHttpClient> attacker(RawHttpOptions options_in = {}) {
    auto made = start_attacker(std::move(options_in));
    EXPECT_TRUE(sim.run_until([&] { return made->is_open() || made->is_closed(); },
                              std::chrono::seconds(5)));
    return made;
  }
  /// One that has only begun its handshake.
  std::unique_ptr<RawHttpClient> start_attacker(RawHttpOptions options_in = {}) {
    return std::make_unique<RawHttpClient>(
        client_loop(), SocketAddress::ipv4({10, 0, 0, 1}, 4433),
        Trust::pinned({at_client->peer_identity()->fingerprint()}), std::move(options_in));
  }
  bool wait(const std::function<bool()>& done, Duration limit = std::chrono::seconds(10)) {
    return sim.run_until(done, limit);
  }
  bool wait_answer(RawHttpClient& client, StreamId id, Duration limit = std::chrono::seconds(10)) {
    return wait([&] { return client.answer(id).is_over() || client.is_closed(); }, limit);
  }
  /// The status of the answer to such bytes: "reset CODE" or "closed CODE" when there is none.
  std::string outcome(RawHttpClient& client, std::string_view bytes, bool fin = true) {
    const StreamId id = client.request(bytes, fin);
    if (!id.is_valid()) return "no stream";
    if (!wait_answer(client, id)) return "nothing";
    const auto& answer = client.answer(id);
    if (client.is_closed()) return "closed " + hex(client.close_code().value_or(0));
    if (!answer.head.empty()) return std::string(answer.status());
    return "reset " + hex(answer.reset_code.value_or(0));
  }
  /// Everybody else is served as ever.
  bool serves_others() { return post_json("Echo", R"({"text": "others"})").status == 200; }

  static std::string hex(std::uint64_t code) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (; code != 0 || text.empty(); code >>= 4) text.insert(text.begin(), kDigits[code & 15]);
    return "0x" + text;
  }
};

/// A whole POST of that JSON to a method of the Lab.
inline std::string json_post(const std::string& method, std::string_view json,
                             const http3::Fields& more = {}) {
  return h3::post("/lab.v1.Lab/" + method, "application/json", more) + h3::data(json);
}

}  // namespace echostream::testing
