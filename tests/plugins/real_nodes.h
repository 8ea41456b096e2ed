// Two nodes of the Lab service on one libuv loop, joined over the loopback.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/support/lab.h"

namespace echostream::testing {

class RealNodes {
 public:
  RealNodes() : loop(*make_loop()) {
    auto identity = Identity::self_signed("server", loop->wall_time());
    NodeOptions server_options;
    server_options.identity = *identity;
    NodeOptions client_options;
    client_options.trust = Trust::pinned({identity->fingerprint()});
    server = std::make_unique<Node>(*loop, std::move(server_options));
    client_node = std::make_unique<Node>(*loop, std::move(client_options));
    EXPECT_TRUE(server->serve(handler).is_ok());
  }
  /// After plugins were added. Fails the test when it does not work.
  void connect() {
    auto bound = server->listen("127.0.0.1:0");
    ASSERT_TRUE(bound) << bound.status();
    auto dialled = echostream::run(*loop, client_node->connect(bound->to_string()));
    ASSERT_TRUE(dialled) << dialled.status();
    session = *dialled;
  }
  lab::v1::Lab::Client client() const { return session->client<lab::v1::Lab>(); }
  template <class T>
  T run(Task<T> task) {
    return echostream::run(*loop, std::move(task));
  }

  std::unique_ptr<Loop> loop;
  std::shared_ptr<LabHandler> handler = std::make_shared<LabHandler>();
  std::unique_ptr<Node> server;
  std::unique_ptr<Node> client_node;
  std::optional<Session> session;
};

}  // namespace echostream::testing
