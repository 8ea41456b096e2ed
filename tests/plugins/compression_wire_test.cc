// What goes over the wire compressed, what does not, and peers that mean harm.
#include <gmock/gmock.h>

#include "echostream/middleware.h"

#include "tests/plugins/compressed_nodes.h"
#include "tests/plugins/real_nodes.h"
#include "tests/sim/station.h"
#include "tests/support/lab.h"
#include "tests/support/layers.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Filter;
using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

// ---- What goes over the wire, and what does not.

class Compression : public ::testing::Test {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.link.delay = 5ms;
    return chosen;
  }
  void start(std::shared_ptr<CompressionPlugin> client, std::shared_ptr<CompressionPlugin> server) {
    at_client_ = std::move(client);
    at_server_ = std::move(server);
    if (at_client_) {
      ASSERT_TRUE(lab_.client_node->add_plugin(at_client_).is_ok());
    }
    if (at_server_) {
      ASSERT_TRUE(lab_.server_node->add_plugin(at_server_).is_ok());
    }
    lab_.connect();
  }
  Result<Text> echo(const std::string& bytes) {
    return *lab_.run(lab_.client().Echo(payload(bytes)));
  }

  std::shared_ptr<CompressionPlugin> at_client_;
  std::shared_ptr<CompressionPlugin> at_server_;
  Lab lab_{options()};
};

TEST_F(Compression, SavesWhatItSaves) {
  start(compression(kBoth), compression(kBoth));
  const std::string bytes = readings(100'000);
  ASSERT_TRUE(echo(bytes));
  const std::uint64_t before = lab_.at_client->stats().bytes_sent;
  ASSERT_TRUE(echo(bytes));
  EXPECT_LT(lab_.at_client->stats().bytes_sent - before, 30'000U);
}

TEST_F(Compression, BeginsWithTheFirstAnswerAndTheSecondRequest) {
  start(compression(kBoth), compression(kBoth));
  ASSERT_TRUE(echo(readings(5000)));
  EXPECT_EQ(at_client_->stats().compressed, 0U);
  EXPECT_EQ(at_server_->stats().compressed, 1U);
  ASSERT_TRUE(echo(readings(5000)));
  EXPECT_EQ(at_client_->stats().compressed, 1U);
}

TEST_F(Compression, IsAgreedAnewForEachAttemptThatALayerOutsideMakes) {
  lab_.client_node->add_middleware(std::make_shared<Repeater>(3));
  start(compression(kBoth), compression(kBoth));
  const std::string bytes = readings(5000);
  auto reply = echo(bytes);
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->payload(), bytes);
  EXPECT_EQ(lab_.server_handler->calls, 3);
  EXPECT_EQ(at_server_->stats().decompressed, 2U) << "all but the first";
  EXPECT_EQ(at_client_->stats().decompressed, 3U);
}

// Makes the call again with a request that is too small to be compressed.
class Shrinker final : public Middleware {
 public:
  std::string_view name() const override { return "shrinker"; }
  Task<Status> call(InterceptedCall& call, Next next) override {
    Status first = co_await next();
    EXPECT_TRUE(first.is_ok()) << first;
    call.set_request(Buffer::copy(payload("small").SerializeAsString()));
    Status second = co_await next();
    co_return second;
  }
};

TEST_F(Compression, ForgetsHowTheAttemptBeforeWasEncoded) {
  lab_.client_node->add_middleware(std::make_shared<Shrinker>());
  start(compression(kBoth), compression(kBoth));
  for (int i = 0; i < 3; ++i) {
    auto reply = echo(readings(5000));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->payload(), "small");
  }
}

TEST_F(Compression, SaysWhatItTakesUntilThePeerKnows) {
  start(compression(kBoth), compression(kBoth));
  ASSERT_TRUE(echo("a"));
  EXPECT_EQ(lab_.server_handler->last_metadata.find("echostream-accept-encoding"), "zstd,deflate");
  ASSERT_TRUE(echo("b"));
  EXPECT_TRUE(lab_.server_handler->last_metadata.empty()) << "small calls cost nothing any more";
}

TEST_F(Compression, LeavesOutTheMethodsThatItShould) {
  const auto without_echo = [](CompressionOptions& options) {
    options.except = {"lab.v1.Lab/Echo"};
  };
  start(compression(kBoth, without_echo), compression(kBoth, without_echo));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(echo(readings(5000)));
  EXPECT_EQ(at_client_->stats().compressed + at_server_->stats().compressed, 0U);
  ASSERT_TRUE(*lab_.run(lab_.client().Delay(payload(readings(5000)))));
  EXPECT_EQ(at_client_->stats().compressed, 1U);
}

TEST_F(Compression, CompressesTheFirstRequestWhenItIsToldThatPeersTakeIt) {
  start(compression(kBoth, [](CompressionOptions& options) { options.peers_take_it = true; }),
        compression(kBoth));
  ASSERT_TRUE(echo(readings(5000)));
  EXPECT_EQ(at_server_->stats().decompressed, 1U);
}

TEST_F(Compression, SendsARequestAgainAsItIsToAPeerThatCannotReadIt) {
  const auto at_once = [](CompressionOptions& options) { options.peers_take_it = true; };
  // Without the plugin; and with it, but without the encoding.
  for (const Encodings& server : {kNone, kDeflate}) {
    Lab lab(options());
    auto client = compression(kZstd, at_once);
    ASSERT_TRUE(lab.client_node->add_plugin(client).is_ok());
    if (!server.empty()) {
      ASSERT_TRUE(lab.server_node->add_plugin(compression(server)).is_ok());
    }
    lab.connect();
    const std::string bytes = readings(5000);
    auto reply = *lab.run(lab.client().Echo(payload(bytes)));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->payload(), bytes);
    EXPECT_EQ(client->stats().compressed, 1U);
    EXPECT_EQ(lab.server_handler->calls, 1) << "the handler ran once";
    ASSERT_TRUE(*lab.run(lab.client().Echo(payload(bytes))));
    EXPECT_EQ(client->stats().compressed, 1U) << "it is not tried again with this peer";
  }
}

TEST_F(Compression, TellsAStreamThatItsEncodingIsNotKnown) {
  start(compression(kZstd, [](CompressionOptions& options) { options.peers_take_it = true; }),
        compression(kDeflate));
  auto stream = lab_.run(lab_.client().Mirror());
  (void)lab_.run(stream->reader.next());
  EXPECT_EQ(stream->reader.status().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(stream->reader.status().message()), HasSubstr("it takes: deflate"));
  EXPECT_EQ(lab_.server_handler->running, 0);
}

TEST_F(Compression, CompressesAnEventOnceForAllItsSubscribers) {
  start(compression(kBoth), compression(kBoth));
  constexpr int kSubscribers = 20, kEvents = 10;
  const auto count = [](Reader<Text> reader, int& got) -> Task<void> {
    while (auto frame = co_await reader.next()) ++got;
  };
  int got = 0;
  TaskGroup group(lab_.client_loop());
  for (int i = 0; i < kSubscribers; ++i) {
    group.spawn(count(*lab_.run(lab_.client().News(Filter())), got));
  }
  lab_.run_for(50ms);
  for (int i = 0; i < kEvents; ++i) {
    lab_.server_handler->PublishNews(payload(readings(5000, i)));
    lab_.run_for(20ms);
  }
  EXPECT_EQ(got, kSubscribers * kEvents);
  EXPECT_EQ(at_client_->stats().decompressed, static_cast<std::uint64_t>(got));
  EXPECT_EQ(at_server_->stats().compressed, static_cast<std::uint64_t>(kEvents));
}

// ---- Peers that mean harm.

// Sends what it was told to, in the encoding it was told.
class Forger final : public Middleware {
 public:
  std::string encoding = "deflate";
  std::string bytes;
  bool is_on = true;

  std::string_view name() const override { return "forger"; }
  Task<Status> call(InterceptedCall& call, Next next) override {
    if (is_on) {
      call.metadata().add("echostream-encoding", encoding);
      call.add_filter(std::make_unique<Filter>(bytes), FilterPlace::kWire);
    }
    Status status = co_await next();
    co_return status;
  }

 private:
  class Filter final : public MessageFilter {
   public:
    explicit Filter(std::string bytes) : bytes_(std::move(bytes)) {}
    Status on_message(CallMessage& message) override {
      if (message.direction == CallMessage::Direction::kSent) message.bytes = Buffer::copy(bytes_);
      return Status::ok();
    }

   private:
    std::string bytes_;
  };
};

class HostileCompression : public Compression {
 protected:
  void SetUp() override {
    lab_.client_node->add_middleware(forger_);
    start(nullptr, compression(kBoth));
  }
  Status sent(std::string encoding, std::string bytes) {
    forger_->encoding = std::move(encoding);
    forger_->bytes = std::move(bytes);
    forger_->is_on = true;
    Status status = echo("anything").status();
    forger_->is_on = false;
    EXPECT_TRUE(echo("the session lives on"));
    return status;
  }
  std::shared_ptr<Forger> forger_ = std::make_shared<Forger>();
};

TEST_F(HostileCompression, R05_BombsAreRefusedBeforeTheyAreOpened) {
  // 8 MiB, says the message; then 1 MiB from 20 bytes.
  const Status large = sent("deflate", std::string("\x02\x80\x80\x00\x00", 5) + "whatever");
  EXPECT_EQ(large.code(), StatusCode::kResourceExhausted) << large;
  EXPECT_THAT(std::string(large.message()), HasSubstr("8388608 bytes; at most 1048576"));
  const Status steep = sent("zstd", std::string("\x01\x80\x10\x00\x00", 5) + "whatever");
  EXPECT_EQ(steep.code(), StatusCode::kResourceExhausted) << steep;
  EXPECT_THAT(std::string(steep.message()), HasSubstr("256 to 1"));
  EXPECT_EQ(at_server_->stats().refused, 2U);
}

TEST_F(HostileCompression, R05_WhatIsBrokenIsAnInvalidArgument) {
  for (const auto& [encoding, form] : {std::pair("zstd", '\x01'), std::pair("deflate", '\x02')}) {
    const std::string begin(1, form);
    for (const std::string& bytes : {std::string(), begin, begin + "\x05garbage",
                                     std::string("\x03x"), std::string("\x78\x9c no form")}) {
      EXPECT_EQ(sent(encoding, bytes).code(), StatusCode::kInvalidArgument) << encoding;
    }
  }
}

TEST_F(HostileCompression, R05_UnknownEncodingsAreRefusedWithWhatIsKnown) {
  for (const char* encoding : {"br", "", "zstd,deflate", "ZSTD", "\x1b[31m"}) {
    const Status status = sent(encoding, "whatever");
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("it takes: zstd,deflate"));
  }
}

// A server that answers in an encoding which nobody asked for.
class WrongAnswer final : public Middleware {
 public:
  std::string_view name() const override { return "wrong answer"; }
  Task<Status> serve(InterceptedCall& call, Next next) override {
    call.response_metadata().add("echostream-encoding", encoding);
    Status status = co_await next();
    co_return status;
  }
  std::string encoding;
};

TEST_F(Compression, R05_AnAnswerThatCannotBeUnpackedIsTheServersFault) {
  auto wrong = std::make_shared<WrongAnswer>();
  lab_.server_node->add_middleware(wrong);
  start(compression(kBoth), nullptr);
  for (const char* encoding : {"br", "zstd"}) {
    wrong->encoding = encoding;
    EXPECT_EQ(echo("a plain answer").status().code(), StatusCode::kInternal) << encoding;
  }
  EXPECT_EQ(at_client_->stats().refused, 2U);
}

// ---- Whole scenarios.

TEST(CompressionOverLossyLinks, StreamsOfEveryDeliveryArriveAsTheyWereSent) {
  const auto read = [](Reader<Text> reader, std::size_t bytes, int& got) -> Task<void> {
    while (auto frame = co_await reader.next()) {
      EXPECT_EQ(frame->message.payload(), std::string(bytes, 'x'));
      ++got;
    }
    EXPECT_TRUE(reader.status().is_ok()) << reader.status();
  };
  for_each_seed(10, [&](std::uint64_t seed) {
    Lab::Options options;
    options.seed = seed;
    options.link.delay = 10ms;
    options.link.jitter = 5ms;
    options.link.loss = 0.05;
    Lab lab(options);
    auto server = compression(kBoth);
    auto client = compression(kBoth);
    ASSERT_TRUE(lab.server_node->add_plugin(server).is_ok());
    ASSERT_TRUE(lab.client_node->add_plugin(client).is_ok());
    lab.server_handler->frame_bytes = 3000;
    lab.connect();
    lab::v1::Count count;
    count.set_count(50);
    int expiring = 0, datagrams = 0;
    TaskGroup group(lab.client_loop());
    group.spawn(read(*lab.run(lab.client().Expiring(count)), 3000, expiring));
    group.spawn(read(*lab.run(lab.client().Datagrams(count)), 3000, datagrams));
    ASSERT_TRUE(lab.sim.run_until([&] { return group.size() == 0; }, 30s));
    EXPECT_GT(expiring, 30);
    EXPECT_GT(datagrams, 30);
    EXPECT_EQ(client->stats().refused, 0U);
    EXPECT_GT(client->stats().decompressed, 60U);
  });
}

// A fleet that is being updated: the next server has the plugin, or has it no more.
TEST(CompressionOfPersistentSessions, GoesOnWhenTheNextServerIsAnotherKind) {
  const auto all_sizes = [](CompressionOptions& options) { options.min_bytes = 1; };
  Station station(Station::defaults());
  ASSERT_TRUE(station.client_node->add_plugin(compression(kBoth, all_sizes)).is_ok());
  bool has_plugin = true;
  const auto start_server = [&] {
    station.start_server(has_plugin ? compression(kBoth, all_sizes) : nullptr);
    has_plugin = !has_plugin;
  };
  start_server();
  station.keep_connected();
  reconnect::v1::Topic topic;
  topic.set_interval_ms(20);
  Received received;
  TaskGroup group(*station.client_loop);
  group.spawn(collect(*station.run(station.client().Position(topic)), received));
  for (std::int64_t restart = 0; restart < 4; ++restart) {
    for (std::int64_t i = 0; i < 3; ++i) {
      const auto outcome = station.run(act(station, job(restart * 10 + i)));
      EXPECT_TRUE(outcome->status.is_ok()) << outcome->status;
      EXPECT_EQ(station.record.executed[restart * 10 + i], 1);
    }
    const std::size_t before = received.frames.size();
    ASSERT_TRUE(station.wait_until([&] { return received.frames.size() > before + 5; }));
    EXPECT_FALSE(received.end) << *received.end;
    station.stop_server();
    ASSERT_TRUE(station.wait_until(
        [&] { return station.persistent->state() != ConnectionState::kConnected; }));
    start_server();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  }
}

TEST(CompressionOverTheLoopback, MakesRpcs) {
  RealNodes nodes;
  auto client = compression(kBoth);
  ASSERT_TRUE(nodes.client_node->add_plugin(client).is_ok());
  ASSERT_TRUE(nodes.server->add_plugin(compression(kBoth)).is_ok());
  nodes.connect();
  const std::string bytes = readings(300'000);
  for (int i = 0; i < 3; ++i) {
    auto reply = nodes.run(nodes.client().Echo(payload(bytes)));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->payload(), bytes);
  }
  EXPECT_EQ(client->stats().compressed, 2U);
  EXPECT_EQ(client->stats().decompressed, 3U);
}

}  // namespace
}  // namespace echostream::testing
