// A server that comes and goes, and a client that stays connected to it, over a simulated link.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/node.h"
#include "echostream/plugin.h"
#include "echostream/testing/sim.h"

#include "tests/sim/reconnect.echostream.h"

namespace echostream::testing {

/// What the server did, over all its starts.
struct StationRecord {
  std::int64_t starts = 0;
  std::map<std::int64_t, int> executed;  // by the job's id
  std::vector<std::int64_t> told;
  std::vector<Duration> accepted_at;  // sessions, true time
  int streams = 0;
};

class StationHandler final : public reconnect::v1::Station::Handler {
 public:
  explicit StationHandler(StationRecord& record) : record_(record), server_(record.starts) {}

  Task<Result<reconnect::v1::Done>> Act(Call& call, reconnect::v1::Job job) override;
  Task<Result<reconnect::v1::Done>> Look(Call& call, reconnect::v1::Job job) override;
  Task<Status> Tell(Call& call, reconnect::v1::Job job) override;
  bool News(const reconnect::v1::Topic&, const reconnect::v1::Item&) override { return true; }
  bool NewsOfOneSession(const reconnect::v1::Topic&, const reconnect::v1::Item&) override {
    return true;
  }
  Task<Status> Position(Call& call, reconnect::v1::Topic topic,
                        Writer<reconnect::v1::Item> out) override;
  Task<Status> Sound(Call& call, reconnect::v1::Topic topic,
                     Writer<reconnect::v1::Item> out) override;
  Task<Status> File(Call& call, reconnect::v1::Topic topic,
                    Writer<reconnect::v1::Item> out) override;
  Task<Result<reconnect::v1::Done>> Upload(Call& call, Reader<reconnect::v1::Item> in) override;

  void publish(std::int64_t number);

 private:
  Task<Result<reconnect::v1::Done>> work(reconnect::v1::Job job);
  Task<Status> count(reconnect::v1::Topic topic, Writer<reconnect::v1::Item> out);
  StationRecord& record_;
  std::int64_t server_;
};

struct StationOptions {
  std::uint64_t seed = 1;
  LinkOptions link{};
  ReconnectOptions reconnect;
  std::function<void(NodeOptions&)> tune_server;
  std::function<void(NodeOptions&)> tune_client;
};

class Station {
 public:
  /// 25 ms each way, unless the options say otherwise.
  static StationOptions defaults(std::uint64_t seed = 1);

  explicit Station(const StationOptions& options);
  ~Station();

  /// A new node at the server's address, with the same identity, and with that plugin if there is
  /// one.
  void start_server(std::shared_ptr<Plugin> plugin = nullptr);
  /// Says goodbye to its sessions.
  void stop_server();
  /// Vanishes without a word.
  void crash_server();
  void set_cut(bool cut);

  /// Keeps connected; the options' own callback is called too.
  void keep_connected();
  reconnect::v1::Station::Client client() const {
    return persistent->client<reconnect::v1::Station>();
  }
  bool wait_for(ConnectionState state, Duration limit = std::chrono::seconds(60)) {
    return sim.run_until([&] { return persistent->state() == state; }, limit);
  }
  bool wait_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(60)) {
    return sim.run_until(done, limit);
  }
  template <class T>
  std::optional<T> run(Task<T> task, Duration limit = std::chrono::seconds(120)) {
    auto result = sim.run(*client_loop, std::move(task), limit);
    EXPECT_TRUE(result.has_value()) << "took longer than " << limit.count() << " ns";
    return result;
  }
  Duration now() const { return sim.elapsed(); }

  StationOptions options;
  Simulation sim;
  Loop* server_loop = nullptr;
  Loop* client_loop = nullptr;
  StationRecord record;
  std::shared_ptr<StationHandler> handler;
  std::unique_ptr<Node> server;
  std::unique_ptr<Node> client_node;
  std::optional<PersistentSession> persistent;
  std::vector<ConnectionStatus> states;
};

reconnect::v1::Job job(std::int64_t id, std::int64_t work_ms = 0);

/// How a call ended, and when.
struct StationOutcome {
  Status status;
  Duration at{};
  std::int64_t server = 0;
};
Task<StationOutcome> act(Station& station, reconnect::v1::Job job, CallOptions options = {});
Task<StationOutcome> look(Station& station, reconnect::v1::Job job, CallOptions options = {});

/// A reader's items as they come.
struct Received {
  std::vector<Frame<reconnect::v1::Item>> frames;
  std::optional<Status> end;
};
Task<void> collect(Reader<reconnect::v1::Item> reader, Received& received);

}  // namespace echostream::testing
