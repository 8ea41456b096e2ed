// Every pair of nodes understands each other, whichever plugins they have.
#include <gmock/gmock.h>

#include "tests/plugins/compressed_nodes.h"

namespace echostream::testing {
namespace {

using lab::v1::Filter;
using lab::v1::Text;
using namespace std::chrono_literals;

std::vector<std::string> samples(int seed) {
  const auto from = static_cast<std::uint32_t>(seed) + 1;
  return {"",
          "short",
          readings(1023, seed),
          readings(1025, seed),
          noise(2000, from),
          readings(20'000, seed),
          noise(20'000, from),
          std::string(30'000, 'z'),
          readings(200'000, seed)};
}

struct Pair {
  std::string name;
  Encodings client;
  Encodings server;
  Encodings common;
};
void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.name; }

class CompressedPairs : public ::testing::TestWithParam<std::tuple<Wire, Pair>> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = std::get<0>(GetParam());
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override {
    const Pair& pair = std::get<1>(GetParam());
    if (!pair.client.empty()) {
      at_client_ = compression(pair.client);
      ASSERT_TRUE(lab_.client_node->add_plugin(at_client_).is_ok());
    }
    if (!pair.server.empty()) {
      at_server_ = compression(pair.server);
      ASSERT_TRUE(lab_.server_node->add_plugin(at_server_).is_ok());
    }
    lab_.connect();
  }
  bool compress() const { return !std::get<1>(GetParam()).common.empty(); }
  std::uint64_t refused() const {
    return (at_client_ ? at_client_->stats().refused : 0) +
           (at_server_ ? at_server_->stats().refused : 0);
  }
  Result<Text> echo(const std::string& bytes) {
    return *lab_.run(lab_.client().Echo(payload(bytes)));
  }

  std::shared_ptr<CompressionPlugin> at_client_;
  std::shared_ptr<CompressionPlugin> at_server_;
  Lab lab_{options()};
};

TEST_P(CompressedPairs, MakeRpcs) {
  for (int round = 0; round < 3; ++round) {
    for (const std::string& bytes : samples(round)) {
      auto reply = echo(bytes);
      ASSERT_TRUE(reply) << reply.status();
      EXPECT_EQ(reply->payload(), bytes);
    }
  }
  EXPECT_EQ(refused(), 0U);
  if (compress()) {
    EXPECT_GT(at_client_->stats().compressed, 8U);
    EXPECT_EQ(at_client_->stats().compressed, at_server_->stats().decompressed);
    EXPECT_EQ(at_server_->stats().compressed, at_client_->stats().decompressed);
  } else {
    EXPECT_EQ((at_client_ ? at_client_->stats().compressed : 0) +
                  (at_server_ ? at_server_->stats().compressed : 0),
              0U);
  }
}

TEST_P(CompressedPairs, CallBackTheOtherWay) {
  Text request = payload(readings(5000));
  for (int i = 0; i < 3; ++i) {
    auto reply = *lab_.run(lab_.client().CallBack(request));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->payload(), request.payload());
  }
  EXPECT_EQ(refused(), 0U);
}

TEST_P(CompressedPairs, SendEvents) {
  // After an rpc each knows what the other takes.
  ASSERT_TRUE(echo(""));
  std::size_t sent = 0;
  for (const std::string& bytes : samples(5)) {
    // The handler keeps the text alone.
    Text event = text("note " + std::to_string(++sent));
    event.set_payload(bytes);
    ASSERT_TRUE(lab_.run(lab_.client().Note(event))->is_ok());
  }
  EXPECT_TRUE(lab_.sim.run_until([&] { return lab_.server_handler->notes.size() == sent; }, 5s));
  EXPECT_EQ(refused(), 0U);
  if (compress()) {
    EXPECT_GE(at_server_->stats().decompressed, 4U);
  }
}

TEST_P(CompressedPairs, StreamBothWays) {
  const auto talk = [](Lab& lab, std::vector<std::string> all) -> Task<Status> {
    auto stream = co_await lab.client().Mirror();
    for (const std::string& bytes : all) {
      Text message = payload(bytes);
      Status written = co_await stream.writer.write(message);
      if (!written.is_ok()) co_return written;
      auto frame = co_await stream.reader.next();
      if (!frame) co_return stream.reader.status();
      EXPECT_EQ(frame->message.payload(), bytes);
    }
    Status finished = co_await stream.writer.finish();
    if (!finished.is_ok()) co_return finished;
    auto end = co_await stream.reader.next();
    EXPECT_FALSE(end);
    co_return stream.reader.status();
  };
  for (int round = 0; round < 2; ++round) {
    const auto end = lab_.run(talk(lab_, samples(round)));
    EXPECT_TRUE(end->is_ok()) << *end;
  }
  EXPECT_EQ(refused(), 0U);
  if (compress()) {
    EXPECT_GT(at_client_->stats().decompressed, 6U);
    EXPECT_GT(at_server_->stats().decompressed, 3U) << "the second stream's are compressed";
  }
}

TEST_P(CompressedPairs, PublishEvents) {
  auto reader = lab_.run(lab_.client().News(Filter()));
  lab_.run_for(50ms);
  for (const std::string& bytes : samples(3)) {
    lab_.server_handler->PublishNews(payload(bytes));
    auto frame = lab_.run(reader->next());
    ASSERT_TRUE(frame->has_value()) << reader->status();
    EXPECT_EQ((*frame)->message.payload(), bytes);
  }
  EXPECT_EQ(refused(), 0U);
  if (compress()) {
    EXPECT_GE(at_client_->stats().decompressed, 4U);
  }
}

TEST_P(CompressedPairs, FailAsTheirHandlersDo) {
  for (int i = 0; i < 2; ++i) {
    Text request = payload(readings(3000));
    request.set_number(3);
    request.set_text("no such thing");
    auto reply = *lab_.run(lab_.client().Fail(request));
    EXPECT_EQ(reply.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(reply.status().message(), "no such thing");
    ASSERT_EQ(reply.status().details().size(), 1U);
    EXPECT_EQ(reply.status().details()[0].value, request.payload());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, CompressedPairs,
    ::testing::Combine(::testing::Values(Wire::kMemory, Wire::kQuic),
                       ::testing::Values(Pair{"NoneAndNone", kNone, kNone, kNone},
                                         Pair{"NoneAndBoth", kNone, kBoth, kNone},
                                         Pair{"BothAndNone", kBoth, kNone, kNone},
                                         Pair{"BothAndBoth", kBoth, kBoth, kZstd},
                                         Pair{"ZstdAndDeflate", kZstd, kDeflate, kNone},
                                         Pair{"DeflateAndZstd", kDeflate, kZstd, kNone},
                                         Pair{"BothAndDeflate", kBoth, kDeflate, kDeflate},
                                         Pair{"DeflateAndBoth", kDeflate, kBoth, kDeflate})),
    [](const auto& each) {
      return std::string(std::get<0>(each.param) == Wire::kMemory ? "Memory" : "Quic") +
             std::get<1>(each.param).name;
    });

}  // namespace
}  // namespace echostream::testing
