// All plugins that change or end calls, in any order and any selection on either end, over a
// persistent session whose server is replaced, on a network that loses and reorders.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "echostream/plugins/auth_token.h"
#include "echostream/plugins/metrics.h"
#include "echostream/plugins/rate_limit.h"
#include "echostream/plugins/retry.h"
#include "echostream/plugins/timeout.h"

#include "tests/plugins/compressed_nodes.h"
#include "tests/plugins/recorded_nodes.h"
#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Text;
using namespace std::chrono_literals;

constexpr std::size_t kFrameBytes = 3000;

const TokenKey kKey("", std::string(32, 'k'));

template <class T>
std::shared_ptr<Plugin> made(Result<std::shared_ptr<T>> plugin) {
  EXPECT_TRUE(plugin) << plugin.status();
  return plugin ? *plugin : nullptr;
}

// A message whose payload follows from its number.
Text numbered(std::int64_t number) {
  Text message =
      payload(readings(static_cast<std::size_t>(number * 7919 % 12'000), static_cast<int>(number)));
  message.set_number(number);
  return message;
}
void expect_whole(const Text& message) {
  EXPECT_TRUE(message.payload() == numbered(message.number()).payload()) << message.number();
}

std::shared_ptr<Plugin> limits() {
  RateLimitOptions options;
  options.rules.emplace_back(std::vector<std::string>{"*"}, 10'000, 10'000);
  options.rules.back().per = RateRule::Per::kPrincipal;
  options.rules.emplace_back(std::vector<std::string>{"*"}, 1e9, 1e9);
  options.rules.back().what = RateRule::What::kBytes;
  options.rules.emplace_back(std::vector<std::string>{"*"}, 40, 3);
  options.rules.back().side = RateRule::Side::kCaller;
  options.rules.back().max_wait = 1s;
  return made(make_rate_limit_plugin(std::move(options)));
}

std::shared_ptr<Plugin> times() {
  TimeoutOptions options;
  auto& rule = options.rules.emplace_back();
  rule.default_timeout = rule.handler_timeout = 10s;
  rule.idle_timeout = 5s;
  rule.max_duration = 1h;
  return made(make_timeout_plugin(std::move(options)));
}

struct Seen {
  int replies = 0;
  int mirrored = 0;
  int expiring = 0;
  int datagrams = 0;
  int news = 0;
  std::vector<Status> failed_calls;
  /// Of streams: what else than the end of a token or of a session.
  std::vector<Status> failed_streams;
  bool is_over = false;

  void ended(const Status& status) {
    const bool is_expected = status.is_ok() || status.code() == StatusCode::kUnavailable ||
                             status.code() == StatusCode::kUnauthenticated;
    if (!is_expected && !is_over) failed_streams.push_back(status);
  }
};

Task<void> ask(lab::v1::Lab::Client lab, Seen& seen) {
  for (std::int64_t i = 0; !seen.is_over; ++i) {
    Text request = numbered(i);
    auto reply = co_await lab.Echo(request);
    if (reply) {
      ++seen.replies;
      EXPECT_EQ(reply->number(), i);
      expect_whole(*reply);
    } else if (!seen.is_over) {
      seen.failed_calls.push_back(reply.status());
    }
    (void)co_await lab.Note(request);
    (void)co_await sleep_for(70ms);
  }
}

Task<void> mirror(lab::v1::Lab::Client lab, Seen& seen) {
  for (std::int64_t i = 0; !seen.is_over; (void)co_await sleep_for(100ms)) {
    auto stream = co_await lab.Mirror();
    while (!seen.is_over) {
      Text message = numbered(++i);
      Status written = co_await stream.writer.write(message);
      if (!written.is_ok()) break;
      auto frame = co_await stream.reader.next();
      if (!frame) break;
      EXPECT_EQ(frame->message.number(), i);
      expect_whole(frame->message);
      ++seen.mirrored;
      (void)co_await sleep_for(50ms);
    }
    seen.ended(stream.reader.status());
  }
}

Task<void> watch(lab::v1::Lab::Client lab, bool as_datagrams, Seen& seen) {
  Count count;
  count.set_count(100);
  while (!seen.is_over) {
    Task<Reader<Text>> opening = as_datagrams ? lab.Datagrams(count) : lab.Expiring(count);
    auto reader = co_await std::move(opening);
    while (auto frame = co_await reader.next()) {
      EXPECT_TRUE(frame->message.payload() == std::string(kFrameBytes, 'x'));
      ++(as_datagrams ? seen.datagrams : seen.expiring);
    }
    seen.ended(reader.status());
    (void)co_await sleep_for(100ms);
  }
}

Task<void> subscribe(lab::v1::Lab::Client lab, Seen& seen) {
  while (!seen.is_over) {
    Filter all;
    auto reader = co_await lab.News(all);
    while (auto frame = co_await reader.next()) {
      expect_whole(frame->message);
      ++seen.news;
    }
    seen.ended(reader.status());
    (void)co_await sleep_for(100ms);
  }
}

class Together {
 public:
  explicit Together(std::uint64_t seed) : random_(seed), lab_(options(seed)) {
    lab_.server_handler->frame_bytes = kFrameBytes;
    add_to(*lab_.client_node, "client");
    start_server();
    auto kept = lab_.client_node->keep_connected("10.0.0.1:4433");
    EXPECT_TRUE(kept) << kept.status();
    persistent_ = *kept;
    // Calls that are made before would pass no layers.
    EXPECT_TRUE(lab_.run(lab_.client_node->start())->is_ok());
  }

  void talk(Duration duration) {
    TaskGroup group(lab_.client_loop());
    const auto client = persistent_->client<lab::v1::Lab>();
    group.spawn(ask(client, seen_));
    group.spawn(mirror(client, seen_));
    group.spawn(watch(client, false, seen_));
    group.spawn(watch(client, true, seen_));
    group.spawn(subscribe(client, seen_));
    const Duration begun = lab_.sim.elapsed();
    bool is_restarted = false;
    for (std::int64_t i = 0; lab_.sim.elapsed() < begun + duration; ++i) {
      lab_.run_for(50ms);
      lab_.server_handler->PublishNews(numbered(i));
      if (is_restarted || lab_.sim.elapsed() < begun + duration / 2) continue;
      is_restarted = true;
      lab_.server_node.reset();
      start_server();
    }
    seen_.is_over = true;
    persistent_->close();
    ASSERT_TRUE(lab_.sim.run_until([&] { return group.size() == 0; }, 60s));
    lab_.run_for(60s);
    EXPECT_EQ(lab_.server_handler->running, 0);
  }

  // A node goes without a word while everything is under way; what the program holds lives on.
  void talk_until_a_node_goes() {
    TaskGroup group(lab_.client_loop());
    const auto client = persistent_->client<lab::v1::Lab>();
    for (int i = 0; i < 5; ++i) {
      group.spawn(ask(client, seen_));
      group.spawn(mirror(client, seen_));
      group.spawn(watch(client, i % 2 == 0, seen_));
      group.spawn(subscribe(client, seen_));
    }
    for (std::int64_t i = 0; i < 40; ++i) {
      lab_.run_for(std::chrono::microseconds(random_() % 100'000));
      lab_.server_handler->PublishNews(numbered(i));
    }
    const bool is_clients = random_() % 2 == 0;
    (is_clients ? lab_.client_node : lab_.server_node).reset();
    lab_.run_for(3s);
    seen_.is_over = true;
    (is_clients ? lab_.server_node : lab_.client_node).reset();
    lab_.run_for(3s);
    EXPECT_EQ(lab_.server_handler->running, 0);
    EXPECT_GT(seen_.replies, 0);
  }

  void check() {
    EXPECT_THAT(seen_.failed_calls, ::testing::IsEmpty());
    EXPECT_THAT(seen_.failed_streams, ::testing::IsEmpty());
    EXPECT_GT(seen_.replies, 50);
    EXPECT_GT(seen_.mirrored, 50);
    EXPECT_GT(seen_.expiring, 100);
    EXPECT_GT(seen_.datagrams, 100);
    EXPECT_GT(seen_.news, 50);
    lab_.client_node.reset();
    lab_.server_node.reset();
    for (const std::string& tape : tapes_) check_tape(tape);
  }
  std::string orders() const { return orders_; }

 private:
  Lab::Options options(std::uint64_t seed) {
    Lab::Options chosen;
    chosen.seed = seed;
    chosen.link.delay = 10ms;
    chosen.link.jitter = 10ms;
    chosen.link.loss = 0.04;
    // The goodbye of a server may be lost.
    chosen.idle_timeout = 2s;
    chosen.tune_server = [this](NodeOptions& server) { server_options_ = server; };
    return chosen;
  }
  void start_server() {
    if (starts_++ > 0) {
      lab_.server_node = std::make_unique<Node>(*lab_.server_side, server_options_);
      ASSERT_TRUE(lab_.server_node->serve(lab_.server_handler).is_ok());
    }
    add_to(*lab_.server_node, "server");
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  }
  std::shared_ptr<Plugin> auth(bool is_server) {
    AuthTokenOptions options;
    if (is_server) {
      options.keys.push_back(kKey);
      options.leeway = 2s;
    } else {
      options.refresh_before = 2s;
      Loop& loop = lab_.client_loop();
      options.send = [&loop]() -> Task<Result<BearerToken>> {
        const WallTime expires = loop.wall_time() + 8s;
        return [](BearerToken token) -> Task<Result<BearerToken>> {
          co_return token;
        }(BearerToken(*sign_token(kKey, TokenClaims("ann", expires)), expires));
      };
    }
    return made(make_auth_token_plugin(std::move(options)));
  }
  std::shared_ptr<Plugin> recorder(const std::string& who) {
    tapes_.push_back(folder_.file(who + std::to_string(starts_) + ".mcap"));
    return made(make_recorder_plugin(RecorderOptions(tapes_.back())));
  }
  // Tokens always, each of the others two times out of three, in any order.
  void add_to(Node& node, const std::string& who) {
    std::vector<std::shared_ptr<Plugin>> plugins = {limits(), times(), made(make_retry_plugin()),
                                                    std::shared_ptr<Plugin>(compression(kBoth)),
                                                    make_metrics_plugin()};
    plugins.erase(std::remove_if(plugins.begin(), plugins.end(),
                                 [&](const auto&) { return random_() % 3 == 0; }),
                  plugins.end());
    if (random_() % 3 != 0) plugins.push_back(recorder(who));
    plugins.push_back(auth(who == "server"));
    std::shuffle(plugins.begin(), plugins.end(), random_);
    orders_ += "\n" + who + ":";
    for (const auto& plugin : plugins) {
      orders_ += " " + std::string(plugin->name());
      ASSERT_TRUE(node.add_plugin(plugin).is_ok());
    }
  }
  static void check_tape(const std::string& path) {
    auto reader = RecordingReader::open(path);
    ASSERT_TRUE(reader) << reader.status();
    RecordingPrinter printer;
    int messages = 0, packed = 0;
    while (auto message = reader->next()) {
      const auto json = printer.to_json(*message->channel, message->data);
      ++messages;
      // A request that was compressed for the server before this one.
      if (!json && message->data[0] < 8) ++packed;
      ASSERT_TRUE(json || message->data[0] < 8) << json.status();
    }
    EXPECT_LE(packed, 3);
    EXPECT_TRUE(reader->damage().is_complete()) << reader->damage().reason;
    EXPECT_GT(messages, 100);
  }

  std::mt19937_64 random_;
  NodeOptions server_options_;
  recorder::TemporaryFolder folder_;
  std::vector<std::string> tapes_;
  std::string orders_;
  int starts_ = 0;
  Lab lab_;
  std::optional<PersistentSession> persistent_;
  Seen seen_;
};

TEST(PluginsTogether, CarryWhatTheyAreGivenInAnyOrder) {
  for_each_seed(10, [](std::uint64_t seed) {
    Together world(seed);
    world.talk(24s);
    SCOPED_TRACE(world.orders());
    world.check();
  });
}

TEST(PluginsTogether, EndWithTheirNodeWhateverIsUnderWay) {
  for_each_seed(30, [](std::uint64_t seed) {
    Together world(seed);
    SCOPED_TRACE(world.orders());
    world.talk_until_a_node_goes();
  });
}

}  // namespace
}  // namespace echostream::testing
