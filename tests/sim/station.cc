#include "tests/sim/station.h"

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {

using namespace std::chrono_literals;
using reconnect::v1::Done;
using reconnect::v1::Item;
using reconnect::v1::Job;
using reconnect::v1::Topic;

Task<Result<Done>> StationHandler::work(Job job) {
  ++record_.executed[job.id()];
  if (job.work_ms() > 0) {
    const WaitResult result = co_await sleep_for(std::chrono::milliseconds(job.work_ms()));
    if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "stopped");
  }
  Done done;
  done.set_id(job.id());
  done.set_server(server_);
  co_return done;
}

Task<Result<Done>> StationHandler::Act(Call&, Job job) { return work(std::move(job)); }
Task<Result<Done>> StationHandler::Look(Call&, Job job) { return work(std::move(job)); }

Task<Status> StationHandler::Tell(Call&, Job job) {
  record_.told.push_back(job.id());
  co_return Status::ok();
}

Task<Status> StationHandler::count(Topic topic, Writer<Item> out) {
  ++record_.streams;
  Item item;
  item.set_server(server_);
  for (std::int64_t number = 0;; ++number) {
    item.set_number(number);
    Status status = co_await out.write(item);
    if (!status.is_ok()) co_return status;
    const WaitResult result = co_await sleep_for(std::chrono::milliseconds(topic.interval_ms()));
    if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "stopped");
  }
}

Task<Status> StationHandler::Position(Call&, Topic topic, Writer<Item> out) {
  return count(std::move(topic), std::move(out));
}
Task<Status> StationHandler::Sound(Call&, Topic topic, Writer<Item> out) {
  return count(std::move(topic), std::move(out));
}
Task<Status> StationHandler::File(Call&, Topic topic, Writer<Item> out) {
  return count(std::move(topic), std::move(out));
}

Task<Result<Done>> StationHandler::Upload(Call&, Reader<Item> in) {
  while (auto frame = co_await in.next()) {
  }
  if (!in.status().is_ok()) co_return in.status();
  co_return Done();
}

void StationHandler::publish(std::int64_t number) {
  Item item;
  item.set_number(number);
  item.set_server(server_);
  PublishNews(item);
  PublishNewsOfOneSession(item);
}

StationOptions Station::defaults(std::uint64_t seed) {
  StationOptions options;
  options.seed = seed;
  options.link.delay = 25ms;
  return options;
}

Station::Station(const StationOptions& chosen) : options(chosen), sim(chosen.seed) {
  server_loop = &sim.add_node("server", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  client_loop = &sim.add_node("client", SocketAddress::ipv4({10, 0, 0, 2}, 0));
  sim.set_link("server", "client", options.link);
  NodeOptions client;
  client.trust = Trust::pinned({fixed_size_identity().fingerprint()});
  if (options.tune_client) options.tune_client(client);
  client_node = std::make_unique<Node>(*client_loop, std::move(client));
}

Station::~Station() = default;

void Station::start_server(std::shared_ptr<Plugin> plugin) {
  ++record.starts;
  NodeOptions node;
  node.identity = fixed_size_identity();
  node.on_session = [this](const Session&) { record.accepted_at.push_back(sim.elapsed()); };
  if (options.tune_server) options.tune_server(node);
  server = std::make_unique<Node>(*server_loop, std::move(node));
  handler = std::make_shared<StationHandler>(record);
  ASSERT_TRUE(server->serve(handler).is_ok());
  if (plugin) {
    ASSERT_TRUE(server->add_plugin(std::move(plugin)).is_ok());
  }
  auto bound = server->listen("10.0.0.1:4433");
  ASSERT_TRUE(bound) << bound.status();
}

void Station::stop_server() { server.reset(); }

void Station::crash_server() {
  LinkOptions silent = options.link;
  silent.cut = true;
  sim.set_link_one_way("server", "client", silent);
  server.reset();
  sim.set_link_one_way("server", "client", options.link);
}

void Station::set_cut(bool cut) {
  LinkOptions link = options.link;
  link.cut = cut;
  sim.set_link("server", "client", link);
}

void Station::keep_connected() {
  ReconnectOptions reconnect = options.reconnect;
  reconnect.on_state_change = [this](const PersistentSession& session,
                                     const ConnectionStatus& status) {
    states.push_back(status);
    if (options.reconnect.on_state_change) options.reconnect.on_state_change(session, status);
  };
  auto kept = client_node->keep_connected("10.0.0.1:4433", std::move(reconnect));
  ASSERT_TRUE(kept) << kept.status();
  persistent = *kept;
}

Job job(std::int64_t id, std::int64_t work_ms) {
  Job job;
  job.set_id(id);
  job.set_work_ms(work_ms);
  return job;
}

namespace {

Task<StationOutcome> outcome_of(Station& station, Task<Result<Done>> call) {
  auto done = co_await std::move(call);
  StationOutcome outcome;
  outcome.status = done.status();
  outcome.at = station.now();
  if (done) outcome.server = done->server();
  co_return outcome;
}

}  // namespace

Task<StationOutcome> act(Station& station, Job job, CallOptions options) {
  auto client = station.client();
  Task<Result<Done>> call = client.Act(std::move(job), std::move(options));
  StationOutcome outcome = co_await outcome_of(station, std::move(call));
  co_return outcome;
}

Task<StationOutcome> look(Station& station, Job job, CallOptions options) {
  auto client = station.client();
  Task<Result<Done>> call = client.Look(std::move(job), std::move(options));
  StationOutcome outcome = co_await outcome_of(station, std::move(call));
  co_return outcome;
}

Task<void> collect(Reader<Item> reader, Received& received) {
  while (auto frame = co_await reader.next()) received.frames.push_back(*std::move(frame));
  received.end = reader.status();
}

}  // namespace echostream::testing
