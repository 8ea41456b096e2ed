// The Lab service of the runtime's tests, and two nodes that talk about it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/node.h"
#include "echostream/testing/memory_session.h"
#include "echostream/testing/sim.h"

#include "tests/support/lab.echostream.h"

namespace echostream::testing {

/// Echo waits until the session is open before it answers this text.
inline constexpr char kWaitConnected[] = "wait until it is sure";

/// Serves lab.v1.Lab, and remembers what it saw.
class LabHandler final : public lab::v1::Lab::Handler {
 public:
  Task<Result<lab::v1::Text>> Echo(Call& call, lab::v1::Text request) override;
  Task<Result<lab::v1::Text>> Delay(Call& call, lab::v1::Text request) override;
  Task<Result<lab::v1::Text>> Fail(Call& call, lab::v1::Text request) override;
  Task<Result<lab::v1::Text>> Throw(Call& call, lab::v1::Text request) override;
  Task<Result<lab::v1::Text>> WhoAmI(Call& call, lab::v1::Text request) override;
  Task<Result<lab::v1::Text>> CallBack(Call& call, lab::v1::Text request) override;
  Task<Status> Note(Call& call, lab::v1::Text event) override;
  bool News(const lab::v1::Filter& filter, const lab::v1::Text& event) override;
  bool Fragile(const lab::v1::Filter& filter, const lab::v1::Text& event) override;
  Task<Status> CountUp(Call& call, lab::v1::Count request, Writer<lab::v1::Count> out) override;
  Task<Status> Tick(Call& call, lab::v1::Ticks request, Writer<lab::v1::Count> out) override;
  Task<Result<lab::v1::Count>> Sum(Call& call, Reader<lab::v1::Count> in) override;
  Task<Status> Mirror(Call& call, Reader<lab::v1::Text> in, Writer<lab::v1::Text> out) override;
  Task<Status> ExpiringMirror(Call& call, Reader<lab::v1::Text> in,
                              Writer<lab::v1::Text> out) override;
  Task<Status> DatagramMirror(Call& call, Reader<lab::v1::Text> in,
                              Writer<lab::v1::Text> out) override;
  Task<Status> Expiring(Call& call, lab::v1::Count request, Writer<lab::v1::Text> out) override;
  Task<Status> Datagrams(Call& call, lab::v1::Count request, Writer<lab::v1::Text> out) override;

  std::vector<std::string> notes;
  Metadata last_metadata;
  /// Of Echo and Delay: how many, and whether the last came as early data.
  int calls = 0;
  bool was_early = false;
  LocalTime last_deadline = kNever;
  int started = 0;
  int running = 0;
  int cancelled = 0;
  std::int64_t ticks = 0;
  std::size_t frame_bytes = 400;
  std::vector<Status> stream_ends;
};

lab::v1::Text text(std::string value);

enum class Wire { kMemory, kQuic };

/// A client and a server, joined in memory, or by QUIC over a simulated link.
class Lab {
 public:
  struct Options {
    Wire wire = Wire::kQuic;
    std::uint64_t seed = 1;
    LinkOptions link{};
    Limits server_limits{};
    Limits client_limits{};
    Duration idle_timeout = std::chrono::seconds(30);
    Duration client_clock_offset{};
    std::function<void(NodeOptions&)> tune_server{};
    std::function<void(NodeOptions&)> tune_client{};
  };
  Lab();
  explicit Lab(const Options& options);
  ~Lab();

  /// Dials; fails the test when that does not work.
  void connect();
  lab::v1::Lab::Client client() { return at_client->client<lab::v1::Lab>(); }

  /// Runs a task on the client's loop until it ends; fails the test when that takes longer than
  /// `limit` of virtual time.
  template <class T>
  std::optional<T> run(Task<T> task, Duration limit = std::chrono::seconds(60)) {
    std::optional<T> slot;
    TaskGroup group(client_loop());
    group.spawn(internal::store(std::move(task), slot));
    EXPECT_TRUE(sim.run_until([&] { return slot.has_value(); }, limit)) << "took too long";
    return slot;
  }
  void run_for(Duration duration) { sim.run_for(duration); }
  Loop& client_loop() { return client_node->loop(); }

  Options options;
  Simulation sim;
  Loop* client_side = nullptr;
  Loop* server_side = nullptr;
  std::shared_ptr<LabHandler> server_handler = std::make_shared<LabHandler>();
  std::shared_ptr<LabHandler> client_handler = std::make_shared<LabHandler>();
  std::unique_ptr<Node> server_node;
  std::unique_ptr<Node> client_node;
  std::optional<Session> at_client;
  std::optional<Session> at_server;
  std::vector<Status> closed_at_client;
  std::vector<Status> closed_at_server;
};

}  // namespace echostream::testing
