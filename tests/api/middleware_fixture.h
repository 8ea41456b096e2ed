// Two nodes with middleware, and what its tests need.
#pragma once

#include <gmock/gmock.h>

#include "tests/support/lab.h"
#include "tests/support/layers.h"

namespace echostream::testing {

inline lab::v1::Count count(std::int64_t value) {
  lab::v1::Count message;
  message.set_count(value);
  return message;
}

inline Buffer encoded(const lab::v1::Text& message) {
  return Buffer::copy(message.SerializeAsString());
}
inline lab::v1::Text decoded(const Buffer& bytes) {
  lab::v1::Text message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

class MiddlewareTest : public ::testing::TestWithParam<Wire> {
 protected:
  Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = std::chrono::milliseconds(5);
    chosen.tune_server = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { server_log_.emplace_back(line); };
    };
    chosen.tune_client = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { client_log_.emplace_back(line); };
    };
    return chosen;
  }
  void SetUp() override { lab_.connect(); }

  void at_client(std::shared_ptr<Middleware> layer) {
    lab_.client_node->add_middleware(std::move(layer));
  }
  void at_server(std::shared_ptr<Middleware> layer) {
    lab_.server_node->add_middleware(std::move(layer));
  }
  void at_both(std::shared_ptr<Middleware> layer) {
    at_client(layer);
    at_server(std::move(layer));
  }
  Status echo_status() {
    auto reply = lab_.run(lab_.client().Echo(text("x")));
    return reply ? reply->status() : Status(StatusCode::kUnknown, "no reply");
  }

  std::vector<std::string> server_log_;
  std::vector<std::string> client_log_;
  std::vector<std::string> trace_;
  Lab lab_{options()};
};

}  // namespace echostream::testing
