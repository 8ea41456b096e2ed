// What plugins see of sessions, and what a session does while they look at the peer.
#include <gmock/gmock.h>

#include <algorithm>

#include "echostream/node_stats.h"

#include "tests/api/probe_plugin.h"
#include "tests/support/lab.h"
#include "tests/support/layers.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PluginSession : public ::testing::TestWithParam<Wire> {
 protected:
  Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    chosen.server_limits.max_cancelled_calls_per_second = 20;
    chosen.tune_server = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
      node.on_session = [this](const Session& session) {
        lab_.at_server = session;
        journal_->emplace_back("program.on_session");
      };
      node.on_session_closed = [this](const Session&, const Status& status) {
        lab_.closed_at_server.push_back(status);
        journal_->emplace_back("program.on_session_closed");
      };
    };
    return chosen;
  }
  std::shared_ptr<ProbePlugin> add_to(Node& node, std::string name) {
    auto plugin = std::make_shared<ProbePlugin>(std::move(name), journal_);
    EXPECT_TRUE(node.add_plugin(plugin).is_ok());
    return plugin;
  }
  std::shared_ptr<ProbePlugin> add(std::string name) {
    return add_to(*lab_.server_node, std::move(name));
  }
  /// Dials without a word about how it went.
  void dial() {
    if (GetParam() == Wire::kMemory) {
      lab_.at_client = connect_in_memory(*lab_.client_node, *lab_.server_node).first;
      return;
    }
    auto bound = lab_.server_node->listen("10.0.0.1:4433");
    ASSERT_TRUE(bound) << bound.status();
    connected_ = lab_.run(lab_.client_node->connect("10.0.0.1:4433"));
    if (connected_ && *connected_) lab_.at_client = **connected_;
  }
  /// How it ended, as the client sees it.
  Status end_at_client() {
    if (GetParam() == Wire::kQuic && !*connected_) return connected_->status();
    return lab_.run(lab_.at_client->wait_closed()).value();
  }
  Journal sessions() {
    Journal all = std::exchange(*journal_, {});
    std::erase_if(all,
                  [](const auto& entry) { return entry.find("session") == std::string::npos; });
    return all;
  }
  std::string logged() const {
    std::string all;
    for (const std::string& line : log_) all += line + "\n";
    return all;
  }

  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
  std::vector<std::string> log_;
  std::optional<Result<Session>> connected_;
  Lab lab_{options()};
};

TEST_P(PluginSession, HooksRunInOrderAndThoseOfTheEndInReverse) {
  add("a");
  add("b");
  dial();
  ASSERT_TRUE(lab_.sim.run_until([&] { return lab_.at_server.has_value(); }, 5s));
  EXPECT_THAT(sessions(),
              ElementsAre("a.on_session_opening", "b.on_session_opening", "a.on_session_open",
                          "b.on_session_open", "program.on_session"));
  lab_.at_client->close("enough");
  lab_.run_for(1s);
  EXPECT_THAT(sessions(), ElementsAre("program.on_session_closed", "b.on_session_closed",
                                      "a.on_session_closed"));
}

TEST_P(PluginSession, ThePeerHearsWhyItWasRefused) {
  auto door = add("door");
  door->behaviours["on_session_opening"].status =
      Status(StatusCode::kPermissionDenied, "members only");
  dial();
  const Status end = end_at_client();
  EXPECT_EQ(end.code(), StatusCode::kPermissionDenied) << end;
  EXPECT_THAT(std::string(end.message()), HasSubstr("the peer refused the session: members only"));
  lab_.run_for(1s);
  EXPECT_THAT(sessions(), ElementsAre("door.on_session_opening"));
  EXPECT_THAT(logged(), HasSubstr("the plugin 'door' refused the session with"));
  ASSERT_TRUE(door->opening);
  EXPECT_EQ(lab_.run(door->opening->wait_closed())->code(), StatusCode::kPermissionDenied);
}

TEST_P(PluginSession, WhatAPluginSaysToThePeerIsMadeHarmlessAndShort) {
  auto door = add("door");
  door->behaviours["on_session_opening"].status =
      Status(StatusCode::kPermissionDenied, "\x1b[31mred\n" + std::string(5000, 'x'));
  dial();
  const std::string message(end_at_client().message());
  EXPECT_THAT(message, HasSubstr("[31mred"));
  EXPECT_EQ(message.find_first_of("\x1b\n"), std::string::npos);
  EXPECT_LT(message.size(), 400u);
}

TEST_P(PluginSession, L02_AHookThatThrowsRefusesAndSaysNothingToThePeer) {
  add("mad")->behaviours["on_session_opening"].throws = true;
  dial();
  const Status end = end_at_client();
  EXPECT_EQ(end.code(), StatusCode::kInternal) << end;
  EXPECT_THAT(std::string(end.message()), Not(HasSubstr("mistake")));
  EXPECT_THAT(logged(), HasSubstr("'mad' threw in on_session_opening: a plugin's mistake"));
}

TEST_P(PluginSession, L02_AHookThatTakesTooLongRefuses) {
  auto slow = add("slow");
  slow->patience = 2s;
  slow->behaviours["on_session_opening"].waits = 1h;
  dial();
  const Status end = end_at_client();
  EXPECT_EQ(end.code(), StatusCode::kDeadlineExceeded) << end;
  EXPECT_THAT(logged(), HasSubstr("'slow' took longer than 2000 ms in on_session_opening"));
  EXPECT_THAT(sessions(),
              ElementsAre("slow.on_session_opening", "slow.on_session_opening given up"));
}

TEST_P(PluginSession, L02_HooksThatThrowKeepNobodyFromTheSession) {
  for (const char* name : {"a", "b"}) {
    auto plugin = add(name);
    plugin->behaviours["on_session_open"].throws = true;
    plugin->behaviours["on_session_closed"].throws = true;
  }
  dial();
  auto reply = lab_.run(lab_.client().Echo(text("hello")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  lab_.at_client->close();
  lab_.run_for(1s);
  EXPECT_THAT(sessions(),
              ElementsAre("a.on_session_opening", "b.on_session_opening", "a.on_session_open",
                          "b.on_session_open", "program.on_session", "program.on_session_closed",
                          "b.on_session_closed", "a.on_session_closed"));
}

TEST_P(PluginSession, NothingOfThePeersIsLookedAtBeforeItIsLetIn) {
  constexpr int kCalls = 40;
  auto slow = add("slow");
  slow->behaviours["on_session_opening"].waits = 3s;
  if (GetParam() == Wire::kMemory) {
    dial();
  } else {
    // A peer that waits for nothing.
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
    lab_.client_node->tasks().spawn([](Lab& lab) -> Task<void> {
      (void)co_await lab.client_node->connect("10.0.0.1:4433");
    }(lab_));
    ASSERT_TRUE(lab_.sim.run_until([&] { return !lab_.client_node->sessions().empty(); }, 1s));
    lab_.at_client = lab_.client_node->sessions()[0];
  }
  int replies = 0;
  for (int i = 0; i < kCalls; ++i) {
    then(lab_.client_node->tasks(), lab_.client().Echo(text(std::to_string(i))),
         [&](Result<Text> reply) { replies += reply && reply->text() != "" ? 1 : 1000; });
    then(lab_.client_node->tasks(), lab_.client().Note(text(std::to_string(i))),
         [](const Status& sent) { EXPECT_TRUE(sent.is_ok()) << sent; });
  }
  lab_.run_for(2s);
  EXPECT_FALSE(lab_.at_server);
  EXPECT_FALSE(slow->opening->is_open());
  EXPECT_EQ(lab_.server_handler->calls, 0);
  EXPECT_THAT(lab_.server_handler->notes, IsEmpty());
  EXPECT_EQ(replies, 0);
  lab_.run_for(3s);
  EXPECT_EQ(replies, kCalls);
  EXPECT_EQ(lab_.server_handler->notes.size(), static_cast<std::size_t>(kCalls));
}

TEST_P(PluginSession, AHookIsDestroyedWithItsSession) {
  auto slow = add("slow");
  slow->patience = 1h;
  slow->behaviours["on_session_opening"].waits = 1h;
  if (GetParam() == Wire::kMemory) {
    dial();
  } else {
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
    lab_.client_node->tasks().spawn([](Lab& lab) -> Task<void> {
      (void)co_await lab.client_node->connect("10.0.0.1:4433");
    }(lab_));
  }
  ASSERT_TRUE(lab_.sim.run_until([&] { return slow->opening.has_value(); }, 5s));
  lab_.run_for(100ms);
  if (GetParam() == Wire::kMemory) {
    lab_.at_client->close();
  } else {
    lab_.client_node.reset();
  }
  lab_.run_for(1s);
  EXPECT_THAT(sessions(),
              ElementsAre("slow.on_session_opening", "slow.on_session_opening given up"));
}

TEST_P(PluginSession, ANodeMayGoWhileItsPluginsLookAtPeers) {
  auto slow = add("slow");
  slow->behaviours["on_session_opening"].waits = 5s;
  if (GetParam() == Wire::kMemory) {
    dial();
  } else {
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
    lab_.client_node->tasks().spawn([](Lab& lab) -> Task<void> {
      (void)co_await lab.client_node->connect("10.0.0.1:4433");
    }(lab_));
  }
  ASSERT_TRUE(lab_.sim.run_until([&] { return slow->opening.has_value(); }, 5s));
  lab_.server_node.reset();
  EXPECT_THAT(sessions(),
              ElementsAre("slow.on_session_opening", "slow.on_session_opening given up"));
}

TEST_P(PluginSession, TheClosedHookGetsTheReasonAndTheLastFigures) {
  auto plugin = add("a");
  dial();
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("hello"))));
  lab_.at_client->close("had enough");
  lab_.run_for(1s);
  ASSERT_EQ(plugin->reasons.size(), 1u);
  EXPECT_EQ(plugin->reasons[0].code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(plugin->reasons[0].message()), HasSubstr("had enough"));
  EXPECT_EQ(plugin->last_stats[0].calls_received, 1u);
  if (GetParam() == Wire::kQuic) {
    EXPECT_GT(plugin->last_stats[0].bytes_received, 1000u);
  }
}

TEST_P(PluginSession, ValuesLiveWithTheSession) {
  add("a");
  dial();
  ASSERT_TRUE(lab_.sim.run_until([&] { return lab_.at_server.has_value(); }, 5s));
  lab_.at_server->state().emplace<std::string>("seen");
  const Session copy = *lab_.at_server;
  EXPECT_EQ(*copy.state().get<std::string>(), "seen");
  EXPECT_EQ(lab_.at_client->state().get<std::string>(), nullptr);
}

TEST_P(PluginSession, PluginsThatCheckNothingAreNotAsked) {
  auto plugin = std::make_shared<ProbePlugin>("a", journal_);
  plugin->checks = false;
  ASSERT_TRUE(lab_.server_node->add_plugin(plugin).is_ok());
  dial();
  lab_.run_for(100ms);
  EXPECT_THAT(sessions(), ElementsAre("a.on_session_open", "program.on_session"));
}

TEST_P(PluginSession, SessionsOfANodeThatDidNotStartAreRefused) {
  add("broken")->behaviours["on_start"] = {1s, false, false, Status(StatusCode::kInternal, "no")};
  dial();
  const Status end = end_at_client();
  EXPECT_EQ(end.code(), StatusCode::kUnavailable) << end;
  EXPECT_THAT(std::string(end.message()), HasSubstr("the node is not in service"));
}

TEST_P(PluginSession, SessionsWaitForTheStart) {
  auto slow = std::make_shared<ProbePlugin>("slow", journal_);
  slow->checks = false;
  slow->behaviours["on_start"].waits = 2s;
  ASSERT_TRUE(lab_.server_node->add_plugin(slow).is_ok());
  dial();
  auto reply = lab_.run(lab_.client().Echo(text("hello")));
  EXPECT_TRUE(reply && *reply) << reply->status();
  EXPECT_THAT(sessions(), ElementsAre("slow.on_session_open", "program.on_session"));
}

// Brings a layer, and takes its time.
class LateLayer final : public Plugin {
 public:
  LateLayer(std::vector<std::string>& log, Status verdict)
      : log_(log), verdict_(std::move(verdict)) {}
  std::string_view name() const override { return "late"; }
  bool checks_sessions() const override { return false; }
  Task<Status> on_start(Node& node) override {
    (void)co_await sleep_for(2s);
    node.add_middleware(std::make_shared<Tracer>("late", log_));
    co_return verdict_;
  }

 private:
  std::vector<std::string>& log_;
  const Status verdict_;
};

Task<Status> echo_on(lab::v1::Lab::Client client, CallOptions options) {
  auto reply = co_await client.Echo(text("x"), std::move(options));
  co_return reply.status();
}
Task<Status> note_on(lab::v1::Lab::Client client, CallOptions options) {
  Status sent = co_await client.Note(text("x"), std::move(options));
  co_return sent;
}
Task<Status> count_on(lab::v1::Lab::Client client, CallOptions options) {
  lab::v1::Count three;
  three.set_count(3);
  auto reader = co_await client.CountUp(three, std::move(options));
  int frames = 0;
  for (;;) {
    auto frame = co_await reader.next();
    if (!frame) break;
    ++frames;
  }
  EXPECT_EQ(frames, reader.status().is_ok() ? 3 : 0);
  co_return reader.status();
}

// Calls of a session whose node has not started its plugins.
class PluginEarlyCalls : public PluginSession {
 protected:
  void begin(Status verdict = Status::ok()) {
    ASSERT_TRUE(
        lab_.client_node->add_plugin(std::make_shared<LateLayer>(trace_, std::move(verdict)))
            .is_ok());
    if (GetParam() == Wire::kMemory) {
      lab_.at_client = connect_in_memory(*lab_.client_node, *lab_.server_node).first;
      return;
    }
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
    auto kept = lab_.client_node->keep_connected("10.0.0.1:4433");
    ASSERT_TRUE(kept) << kept.status();
    persistent_ = *kept;
  }
  lab::v1::Lab::Client client() {
    return persistent_ ? persistent_->client<lab::v1::Lab>() : lab_.client();
  }
  /// An rpc, an event and a stream; how they end.
  std::vector<Status> call_all(const CallOptions& options, Duration limit = 60s) {
    std::optional<Status> ends[3];
    TaskGroup group(lab_.client_node->loop());
    group.spawn(internal::store(echo_on(client(), options), ends[0]));
    group.spawn(internal::store(note_on(client(), options), ends[1]));
    group.spawn(internal::store(count_on(client(), options), ends[2]));
    EXPECT_TRUE(lab_.sim.run_until([&] { return ends[0] && ends[1] && ends[2]; }, limit));
    std::vector<Status> all;
    for (const auto& end : ends) all.push_back(end.value_or(Status(StatusCode::kUnknown, "none")));
    return all;
  }
  std::vector<std::string> trace_;
  std::optional<PersistentSession> persistent_;
};

TEST_P(PluginEarlyCalls, WaitForTheLayersOfPlugins) {
  begin();
  for (const Status& end : call_all(CallOptions())) EXPECT_TRUE(end.is_ok()) << end;
  EXPECT_EQ(std::count(trace_.begin(), trace_.end(), "late>"), 3);
  EXPECT_EQ(std::count(trace_.begin(), trace_.end(), "late<OK"), 3);
  for (const Status& end : call_all(CallOptions())) EXPECT_TRUE(end.is_ok()) << end;
  EXPECT_EQ(std::count(trace_.begin(), trace_.end(), "late<OK"), 6);
}

TEST_P(PluginEarlyCalls, EndAtTheirDeadline) {
  begin();
  for (const Status& end : call_all(CallOptions().timeout(500ms), 600ms)) {
    EXPECT_EQ(end.code(), StatusCode::kDeadlineExceeded) << end;
  }
  // What was waited counts.
  const auto began = lab_.sim.elapsed();
  lab::v1::Text slow;
  slow.set_number(5000);
  auto reply = lab_.run(client().Delay(slow, CallOptions().timeout(4s)));
  EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded) << reply->status();
  EXPECT_EQ(lab_.sim.elapsed() - began, 4s);
}

TEST_P(PluginEarlyCalls, FailWithTheStart) {
  begin(Status(StatusCode::kNotFound, "no such disk"));
  for (const Status& end : call_all(CallOptions(), 3s)) {
    EXPECT_EQ(end.code(), StatusCode::kNotFound) << end;
    EXPECT_THAT(std::string(end.message()), HasSubstr("no such disk"));
  }
  if (!persistent_) return;
  EXPECT_EQ(persistent_->state(), ConnectionState::kClosed);
  // There is no use in another one.
  auto again = lab_.client_node->keep_connected("10.0.0.1:4433");
  ASSERT_TRUE(again);
  EXPECT_EQ(lab_.run(again->wait_connected())->code(), StatusCode::kNotFound);
}

TEST_P(PluginEarlyCalls, MayBeDroppedAndTheirNodeMayGo) {
  begin();
  Task<Status> never_begun = echo_on(client(), CallOptions());
  Task<Status> note = client().Note(text("x"));
  Loop& loop = lab_.client_node->loop();
  std::optional<Status> never;
  TaskGroup dropped(loop);
  dropped.spawn(internal::store(count_on(client(), CallOptions()), never));
  lab_.run_for(1s);
  dropped.clear();
  std::optional<Status> end;
  TaskGroup group(loop);
  group.spawn(internal::store(echo_on(client(), CallOptions()), end));
  lab_.run_for(500ms);
  lab_.client_node.reset();
  lab_.run_for(1s);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code(), StatusCode::kUnavailable) << *end;
  for (Task<Status>* late : {&never_begun, &note}) {
    auto late_end = lab_.sim.run(loop, std::move(*late), 1s);
    ASSERT_TRUE(late_end);
    EXPECT_EQ(late_end->code(), StatusCode::kUnavailable) << *late_end;
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, PluginEarlyCalls, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& wire) {
                           return wire.param == Wire::kMemory ? "Memory" : "Persistent";
                         });

INSTANTIATE_TEST_SUITE_P(Wires, PluginSession, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& wire) {
                           return wire.param == Wire::kMemory ? "Memory" : "Quic";
                         });

TEST_P(PluginSession, TheNodeCountsItsSessions) {
  add("door")->behaviours["on_session_opening"].waits = 1s;
  dial();
  lab_.run_for(2s);
  NodeStats stats = lab_.server_node->stats();
  EXPECT_EQ(stats.sessions_accepted, 1u);
  EXPECT_EQ(stats.sessions_opened, 1u);
  EXPECT_EQ(stats.sessions_open, 1u);
  EXPECT_EQ(stats.sessions_opening, 0u);
  EXPECT_EQ(lab_.client_node->stats().sessions_dialled, 1u);
  lab_.at_client->close();
  lab_.run_for(1s);
  stats = lab_.server_node->stats();
  EXPECT_EQ(stats.sessions_open, 0u);
  EXPECT_EQ(stats.sessions_closed.of(StatusCode::kUnavailable), 1u);
  EXPECT_EQ(stats.sessions_closed.total(), 1u);
}

TEST_P(PluginSession, TheNodeCountsWhomItRefused) {
  auto door = add("door");
  door->behaviours["on_session_opening"] = {1s, false, false,
                                            Status(StatusCode::kPermissionDenied, "members only")};
  dial();
  (void)end_at_client();
  lab_.run_for(1s);
  const NodeStats stats = lab_.server_node->stats();
  EXPECT_EQ(stats.sessions_refused.of(StatusCode::kPermissionDenied), 1u);
  EXPECT_EQ(stats.sessions_opened, 0u);
  EXPECT_EQ(stats.sessions_failed.total(), 0u);
}

// ---- Over QUIC only

class PluginQuicSession : public PluginSession {};

TEST_P(PluginQuicSession, TheSideThatDialsMayRefuseToo) {
  auto picky = add_to(*lab_.client_node, "picky");
  picky->behaviours["on_session_opening"] = {
      1s, false, false, Status(StatusCode::kFailedPrecondition, "not this server")};
  dial();
  ASSERT_FALSE(*connected_);
  EXPECT_EQ(connected_->status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(connected_->status().message()), HasSubstr("not this server"));
  lab_.run_for(100ms);
  ASSERT_EQ(lab_.closed_at_server.size(), 1u);
  EXPECT_EQ(lab_.closed_at_server[0].code(), StatusCode::kFailedPrecondition);
}

TEST_P(PluginQuicSession, ConnectWaitsForTheVerdictOnlyWhereThereIsOne) {
  const LocalTime before = lab_.client_node->loop().now();
  dial();
  ASSERT_TRUE(*connected_);
  // The handshake takes a round trip of 10 ms, and a little for the pacer.
  EXPECT_LT(lab_.client_node->loop().now() - before, 15ms);
}

TEST_P(PluginQuicSession, TheVerdictCostsConnectOneRoundTrip) {
  add("door");
  const LocalTime before = lab_.client_node->loop().now();
  dial();
  ASSERT_TRUE(*connected_);
  EXPECT_LT(lab_.client_node->loop().now() - before, 25ms);
  EXPECT_FALSE(lab_.server_node->sessions().empty());
}

TEST_P(PluginQuicSession, BothSidesMayTakeTheirTime) {
  add("server")->behaviours["on_session_opening"].waits = 1s;
  add_to(*lab_.client_node, "client")->behaviours["on_session_opening"].waits = 2s;
  dial();
  ASSERT_TRUE(*connected_) << connected_->status();
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("hello"))));
}

TEST_P(PluginQuicSession, HearsOfTheStateOfThePeersClock) {
  auto plugin = add("a");
  dial();
  lab_.run_for(10s);
  ASSERT_FALSE(plugin->clock_states.empty());
  EXPECT_EQ(plugin->clock_states.back(), ClockState::kTracking);
  // Cut off: nothing arrives that could tell.
  lab_.sim.set_link("server", "client", [] {
    LinkOptions cut;
    cut.cut = true;
    return cut;
  }());
  lab_.run_for(20s);
  EXPECT_EQ(plugin->clock_states.back(), ClockState::kHoldover);
}

TEST_P(PluginQuicSession, TheNodeCountsWhomItPutOut) {
  dial();
  for (int i = 0; i < 40; ++i) {
    TaskGroup group(lab_.client_loop());
    std::optional<Result<Text>> dropped;
    Text request;
    request.set_number(60'000);
    group.spawn(internal::store(lab_.client().Delay(request), dropped));
    lab_.run_for(10ms);
  }
  lab_.run_for(1s);
  EXPECT_FALSE(lab_.at_client->is_open());
  const NodeStats stats = lab_.server_node->stats();
  EXPECT_EQ(stats.peers_put_out[static_cast<std::size_t>(Misbehaviour::kLimit)], 1u);
  EXPECT_EQ(stats.sessions_closed.total(), 1u);
  EXPECT_EQ(to_string(Misbehaviour::kLimit), "limit");
  // The client put nobody out.
  for (const std::uint64_t count : lab_.client_node->stats().peers_put_out) EXPECT_EQ(count, 0u);
}

// A session that leaves a ticket.
class PluginEarlyData : public PluginQuicSession {
 protected:
  void meet() {
    dial();
    ASSERT_TRUE(*connected_) << connected_->status();
    lab_.run_for(500ms);
    lab_.at_client->close();
    lab_.run_for(500ms);
    lab_.server_handler->calls = 0;
  }
  void dial_again() {
    ConnectOptions options;
    options.early_data = true;
    connected_ = lab_.run(lab_.client_node->connect("10.0.0.1:4433", options));
    ASSERT_TRUE(*connected_) << connected_->status();
    lab_.at_client = **connected_;
  }
};

TEST_P(PluginEarlyData, WaitsUntilThePeerIsLetIn) {
  auto slow = add("slow");
  meet();
  slow->behaviours["on_session_opening"].waits = 2s;
  dial_again();
  ASSERT_FALSE(lab_.at_client->is_open());
  std::optional<Result<Text>> reply;
  lab_.client_node->tasks().spawn(internal::store(lab_.client().Echo(text("early")), reply));
  lab_.run_for(1s);
  EXPECT_EQ(lab_.server_handler->calls, 0);
  lab_.run_for(2s);
  EXPECT_EQ(lab_.server_handler->calls, 1);
  ASSERT_TRUE(reply && *reply);
  EXPECT_TRUE(lab_.at_client->early_data_accepted().value_or(false));
}

TEST_P(PluginEarlyData, IsActedUponAtOnceWherePluginsCheckNothing) {
  auto plugin = std::make_shared<ProbePlugin>("a", journal_);
  plugin->checks = false;
  ASSERT_TRUE(lab_.server_node->add_plugin(plugin).is_ok());
  meet();
  dial_again();
  ASSERT_FALSE(lab_.at_client->is_open());
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("early"))));
  EXPECT_TRUE(lab_.server_handler->was_early);
}

TEST_P(PluginEarlyData, IsNotSentToAPeerThatPluginsHaveNotLookedAt) {
  add_to(*lab_.client_node, "picky");
  meet();
  dial_again();
  EXPECT_TRUE(lab_.at_client->is_open());
  EXPECT_TRUE(lab_.at_client->is_resumed());
  EXPECT_EQ(lab_.at_client->early_data_accepted(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Wires, PluginEarlyData, ::testing::Values(Wire::kQuic),
                         [](const auto&) { return "Quic"; });

TEST_P(PluginQuicSession, APersistentSessionsAttemptBeginsAfterTheStart) {
  add_to(*lab_.client_node, "slow")->behaviours["on_start"].waits = 2s;
  ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  ReconnectOptions options;
  options.attempt_timeout = 1s;
  auto persistent = lab_.client_node->keep_connected("10.0.0.1:4433", options);
  ASSERT_TRUE(persistent);
  EXPECT_TRUE(lab_.run(persistent->wait_connected())->is_ok());
  EXPECT_LT(lab_.sim.elapsed(), 2s + 100ms);
  EXPECT_EQ(persistent->status().failed_attempts, 0u);
  EXPECT_TRUE(persistent->status().last_error.is_ok()) << persistent->status().last_error;
}

TEST_P(PluginQuicSession, APersistentSessionGivesUpWhereItIsNotWelcome) {
  add("door")->behaviours["on_session_opening"].status =
      Status(StatusCode::kPermissionDenied, "members only");
  ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  auto persistent = lab_.client_node->keep_connected("10.0.0.1:4433");
  ASSERT_TRUE(persistent);
  const Status end = lab_.run(persistent->wait_connected()).value();
  EXPECT_EQ(end.code(), StatusCode::kPermissionDenied) << end;
  EXPECT_EQ(persistent->state(), ConnectionState::kClosed);
}

INSTANTIATE_TEST_SUITE_P(Wires, PluginQuicSession, ::testing::Values(Wire::kQuic),
                         [](const auto&) { return "Quic"; });

}  // namespace
}  // namespace echostream::testing
