// Plugins that wait, refuse and throw at random, while peers come and go and the node stops: hooks
// come in their order, and each session that a plugin saw open is seen closed before it stops.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/api/probe_plugin.h"
#include "tests/support/imp.h"
#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

ProbePlugin::Behaviour random_behaviour(Dice& dice) {
  ProbePlugin::Behaviour behaviour;
  if (dice.one_in(3)) behaviour.waits = dice.ms_below(800);
  behaviour.throws = dice.one_in(8);
  behaviour.throws_at_once = dice.one_in(8);
  if (dice.one_in(6)) behaviour.status = Status(StatusCode::kPermissionDenied, "no");
  return behaviour;
}

std::shared_ptr<ProbePlugin> random_plugin(std::string name, Dice& dice,
                                           const std::shared_ptr<Journal>& journal) {
  auto plugin = std::make_shared<ProbePlugin>(std::move(name), journal);
  plugin->patience = 1ms + dice.ms_below(1000);
  plugin->checks = dice.one_in(2);
  for (const char* hook : {"on_session_opening", "on_stop"}) {
    plugin->behaviours[hook] = random_behaviour(dice);
  }
  for (const char* hook : {"on_session_open", "on_session_closed", "on_draining"}) {
    plugin->behaviours[hook].throws = dice.one_in(5);
  }
  if (dice.one_in(2)) plugin->behaviours["on_start"].waits = dice.ms_below(500);
  if (dice.one_in(10)) plugin->behaviours["on_start"] = random_behaviour(dice);
  return plugin;
}

Task<void> visit(Node& node, Duration stay) {
  auto session = co_await node.connect("10.0.0.1:4433");
  if (!session) co_return;
  auto client = session->client<lab::v1::Lab>();
  (void)co_await client.Echo(text("x"), CallOptions().timeout(2s));
  (void)co_await sleep_for(stay);
  session->close();
}

// Every session that was seen open was seen closed, nothing came before the start or after the
// stop, and the first plugin stopped last.
void check(const Journal& journal, bool was_shut_down) {
  for (const std::string& name : {std::string("a"), std::string("b")}) {
    int open = 0;
    int in_order = 0;
    bool has_begun = false;
    bool has_stopped = false;
    for (const std::string& entry : journal) {
      if (!entry.starts_with(name + ".") || entry.ends_with(".on_service")) continue;
      const std::string what = entry.substr(2);
      if (what == "gone") continue;
      if (what == "on_start") has_begun = true;
      EXPECT_TRUE(has_begun) << entry;
      EXPECT_TRUE(!has_stopped || what == "on_stop given up") << entry << " after its stop";
      if (what == "on_session_open") ++open;
      if (what == "on_session_closed") --open;
      if (what == "on_stop") has_stopped = true;
      if (open < 0) ++in_order;
    }
    EXPECT_EQ(in_order, 0) << "closed before it was open";
    if (was_shut_down) {
      EXPECT_EQ(open, 0) << name << ": sessions that were not seen closed";
    }
  }
  const auto at = [&](const char* what) {
    return std::find(journal.begin(), journal.end(), what) - journal.begin();
  };
  if (at("a.on_stop") < static_cast<std::ptrdiff_t>(journal.size()) &&
      at("b.on_stop") < static_cast<std::ptrdiff_t>(journal.size())) {
    EXPECT_LT(at("b.on_stop"), at("a.on_stop"));
  }
}

void run_visits(std::uint64_t seed) {
  Dice dice(seed);
  const auto journal = std::make_shared<Journal>();
  Lab::Options options;
  options.seed = seed;
  options.link.delay = dice.one_in(4) ? 700ms : 5ms;
  options.link.loss = 0.02;
  options.tune_server =
      options.tune_client = [](NodeOptions& node) { node.log = [](LogLevel, std::string_view) {}; };
  Lab lab(options);
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(lab.server_node->add_plugin(random_plugin(name, dice, journal)).is_ok());
  }
  // The side that dials looks at its peers too.
  const auto of_client = std::make_shared<Journal>();
  if (dice.one_in(2)) {
    auto picky = random_plugin("a", dice, of_client);
    ASSERT_TRUE(lab.client_node->add_plugin(picky).is_ok());
  }
  ASSERT_TRUE(lab.server_node->listen("10.0.0.1:4433"));
  std::vector<PersistentSession> kept;
  TaskGroup visits(*lab.client_side);
  for (int i = 0; i < 8; ++i) {
    visits.spawn(visit(*lab.client_node, dice.ms_below(1500)));
    if (dice.one_in(4)) kept.push_back(*lab.client_node->keep_connected("10.0.0.1:4433"));
    lab.run_for(1ms + dice.ms_below(400));
  }
  if (dice.one_in(3)) lab.client_node.reset();
  const bool shuts_down = !dice.one_in(4);
  if (shuts_down) {
    TaskGroup leaving(lab.server_node->loop());
    leaving.spawn(lab.server_node->shutdown(dice.ms_below(1000)));
    if (dice.one_in(3)) leaving.spawn(lab.server_node->shutdown(dice.ms_below(1000)));
    EXPECT_TRUE(lab.sim.run_until([&] { return leaving.size() == 0; }, 20s)) << "does not stop";
    lab.run_for(dice.ms_below(3000));
  }
  lab.server_node.reset();
  EXPECT_TRUE(lab.sim.run_until([&] { return visits.size() == 0; }, 60s)) << "a visitor hangs";
  check(*journal, shuts_down);
  check(*of_client, false);
  ASSERT_GE(journal->size(), 2u);
  EXPECT_EQ(journal->back(), "a.gone");
  EXPECT_EQ((*journal)[journal->size() - 2], "b.gone");
}

TEST(PluginsAtRandom, L02_SeeEachSessionCloseBeforeTheyStop) { for_each_seed(80, run_visits); }

}  // namespace
}  // namespace echostream::testing
