// Layers that do everything that a layer can do, at random, around every kind of call, while
// sessions and nodes go away: no call hangs, and every layer that was entered is left or destroyed.
#include <gmock/gmock.h>

#include "tests/api/middleware_fixture.h"
#include "tests/support/imp.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using lab::v1::Text;
using LabClient = lab::v1::Lab::Client;

// ---- One call of each kind.

template <class T>
Task<void> read_all(Reader<T> reader) {
  for (;;) {
    auto frame = co_await reader.next();
    if (!frame) co_return;
  }
}
Task<void> ask(LabClient client, bool slow, CallOptions options) {
  Text request;
  request.set_number(20);
  auto asking =
      slow ? client.Delay(request, std::move(options)) : client.Echo(request, std::move(options));
  (void)co_await std::move(asking);
}
Task<void> call_back(LabClient client, CallOptions options) {
  (void)co_await client.CallBack(text("x"), std::move(options));
}
Task<void> note(LabClient client, CallOptions options) {
  (void)co_await client.Note(text("x"), std::move(options));
}
Task<void> follow(LabClient client, CallOptions options) {
  auto reader = co_await client.News(lab::v1::Filter(), std::move(options));
  co_await read_all(std::move(reader));
}
Task<void> count_up(LabClient client, CallOptions options) {
  auto reader = co_await client.CountUp(count(20), std::move(options));
  co_await read_all(std::move(reader));
}
Task<void> sum(LabClient client, CallOptions options) {
  auto stream = co_await client.Sum(std::move(options));
  for (int i = 0; i < 5; ++i) {
    Status written = co_await stream.write(count(i));
    if (!written.is_ok()) break;
    (void)co_await sleep_for(5ms);
  }
  (void)co_await stream.finish();
}
Task<void> mirror(LabClient client, bool as_datagrams, CallOptions options) {
  auto opening =
      as_datagrams ? client.DatagramMirror(std::move(options)) : client.Mirror(std::move(options));
  auto stream = co_await std::move(opening);
  for (int i = 0; i < 5; ++i) {
    Status written = co_await stream.writer.write(text("x"));
    if (!written.is_ok()) break;
    (void)co_await sleep_for(5ms);
  }
  (void)co_await stream.writer.finish();
  co_await read_all(std::move(stream.reader));
}

Task<void> make_call(LabClient client, int kind, CallOptions options) {
  switch (kind) {
    case 0:
    case 1:
      return ask(client, kind == 1, std::move(options));
    case 2:
      return call_back(client, std::move(options));
    case 3:
      return note(client, std::move(options));
    case 4:
      return follow(client, std::move(options));
    case 5:
      return count_up(client, std::move(options));
    case 6:
      return sum(client, std::move(options));
    default:
      return mirror(client, kind == 8, std::move(options));
  }
}

struct Running {
  explicit Running(Executor& executor) : group(executor) {}
  TaskGroup group;
};

void run_imps(std::uint64_t seed, Wire wire) {
  Dice dice(seed);
  int inside = 0;
  Lab::Options options;
  options.wire = wire;
  options.seed = seed;
  options.link.delay = 3ms;
  options.link.loss = 0.02;
  options.tune_server =
      options.tune_client = [](NodeOptions& node) { node.log = [](LogLevel, std::string_view) {}; };
  std::vector<std::unique_ptr<Running>> calls;
  Lab lab(options);
  lab.connect();
  for (int i = 0; i < 3; ++i) {
    lab.client_node->add_middleware(std::make_shared<Imp>(dice, inside));
    lab.server_node->add_middleware(std::make_shared<Imp>(dice, inside));
  }
  Loop& loop = lab.client_loop();
  for (int i = 0; i < 60; ++i) {
    calls.push_back(std::make_unique<Running>(loop));
    CallOptions chosen = CallOptions().timeout(1ms + dice.ms_below(1000));
    calls.back()->group.spawn(make_call(lab.client(), dice.below(9), std::move(chosen)));
    if (dice.one_in(3)) lab.server_handler->PublishNews(text("news"));
    if (dice.one_in(5)) calls[dice.below(static_cast<int>(calls.size()))]->group.clear();
    lab.run_for(dice.ms_below(15));
  }
  switch (dice.below(4)) {
    case 0:
      lab.at_client->close();
      break;
    case 1:
      lab.server_node.reset();
      break;
    case 2:
      lab.client_node.reset();
      break;
    default:
      break;
  }
  const auto all_over = [&] {
    return std::all_of(calls.begin(), calls.end(),
                       [](const auto& call) { return call->group.size() == 0; });
  };
  EXPECT_TRUE(lab.sim.run_until(all_over, 60s)) << "a call hangs";
  calls.clear();
  lab.run_for(10s);
  EXPECT_EQ(inside, 0);
}

TEST(MiddlewareAtRandom, L04_NoCallHangsAndNoLayerStaysInMemory) {
  for_each_seed(60, [](std::uint64_t seed) { run_imps(seed, Wire::kMemory); });
}

TEST(MiddlewareAtRandom, L04_NoCallHangsAndNoLayerStaysOverQuic) {
  for_each_seed(60, [](std::uint64_t seed) { run_imps(seed, Wire::kQuic); });
}

}  // namespace
}  // namespace echostream::testing
