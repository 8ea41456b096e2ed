// S08 to S10 for calls that stream both ways: given up, too late, and ended in every order.
#include <gmock/gmock.h>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;
using Duplex = DuplexStream<Text, Text>;

Lab::Options slow_link() {
  Lab::Options options;
  options.link.delay = 10ms;
  options.link.rate_bits_per_s = 20'000'000;
  return options;
}

Task<bool> send_some(Writer<Text> writer) {
  Text frame = text("");
  frame.set_payload(std::string(5000, 'x'));
  for (int i = 0; i < 8; ++i) {
    Status status = co_await writer.write(frame);
    if (!status.is_ok()) co_return false;
    (void)co_await sleep_for(5ms);
  }
  Status status = co_await writer.finish();
  co_return status.is_ok();
}

Task<Status> read_all(Reader<Text> reader) {
  while (auto frame = co_await reader.next()) {
  }
  co_return reader.status();
}

// Eight frames there and back, in about 90 ms.
Task<Status> talk(lab::v1::Lab::Client client, CallOptions options) {
  auto opening = client.Mirror(std::move(options));
  Duplex stream = co_await std::move(opening);
  auto both =
      co_await when_all(send_some(std::move(stream.writer)), read_all(std::move(stream.reader)));
  co_return std::get<1>(both);
}

class EveryMomentOfADuplex : public ::testing::Test {
 protected:
  void SetUp() override { lab_.connect(); }
  void expect_nothing_left(Duration when) {
    lab_.run_for(100ms);
    EXPECT_EQ(lab_.server_handler->running, 0) << when.count() << " ns";
  }
  Lab lab_{slow_link()};
};

TEST_F(EveryMomentOfADuplex, S09_ADeadlineEndsTheCallThenAndLeavesNothing) {
  int exceeded = 0, fine = 0;
  for (Duration timeout = 100us; timeout < 150ms; timeout += 700us) {
    const Duration before = lab_.sim.elapsed();
    auto status = lab_.run(talk(lab_.client(), CallOptions().timeout(timeout)));
    ASSERT_TRUE(status);
    if (status->is_ok()) {
      ++fine;
    } else {
      ++exceeded;
      EXPECT_EQ(status->code(), StatusCode::kDeadlineExceeded) << *status;
      EXPECT_GE(lab_.sim.elapsed() - before, timeout);
      EXPECT_LE(lab_.sim.elapsed() - before, timeout + 5ms);
    }
    expect_nothing_left(timeout);
  }
  EXPECT_GT(exceeded, 20);
  EXPECT_GT(fine, 20);
  EXPECT_TRUE(lab_.at_client->is_open());
}

TEST_F(EveryMomentOfADuplex, S08_ADroppedCallEndsItsHandlerAndLeavesNothing) {
  for (Duration patience{}; patience < 150ms; patience += 700us) {
    {
      std::optional<Status> slot;
      TaskGroup group(lab_.client_loop());
      group.spawn(internal::store(talk(lab_.client(), CallOptions()), slot));
      lab_.run_for(patience);
    }
    expect_nothing_left(patience);
  }
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("fine"))));
}

TEST_F(EveryMomentOfADuplex, S08_ASessionThatClosesEndsTheCallOnceWithUnavailable) {
  for (Duration patience{}; patience < 120ms; patience += 7ms) {
    Lab lab(slow_link());
    lab.connect();
    std::optional<Status> slot;
    TaskGroup group(lab.client_loop());
    group.spawn(internal::store(talk(lab.client(), CallOptions()), slot));
    lab.run_for(patience);
    const bool was_over = slot.has_value();
    lab.at_server->close("enough");
    ASSERT_TRUE(lab.sim.run_until([&] { return slot.has_value(); }, 1s));
    if (was_over || !slot->is_ok()) {
      EXPECT_EQ(slot->code(), was_over ? StatusCode::kOk : StatusCode::kUnavailable) << *slot;
    }
    lab.run_for(1ms);
    EXPECT_EQ(lab.server_handler->running, 0);
  }
}

// ---- S10: ends in every order.

class CallEnds : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override { lab_.connect(); }
  void expect_quiet() {
    lab_.run_for(200ms);
    EXPECT_EQ(lab_.server_handler->running, 0);
    EXPECT_TRUE(lab_.at_client->is_open());
    EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("fine"))));
  }
  Status end_of(Reader<Text>& reader) {
    while (lab_.run(reader.next())->has_value()) {
    }
    return reader.status();
  }
  Lab lab_{options()};
};

TEST_P(CallEnds, S10_FinishWithoutAFrameIsAnEmptyStream) {
  auto stream = lab_.run(lab_.client().Mirror());
  EXPECT_TRUE(lab_.run(stream->writer.finish())->is_ok());
  EXPECT_TRUE(end_of(stream->reader).is_ok()) << stream->reader.status();
  auto sum = lab_.run(lab_.client().Sum());
  auto reply = lab_.run(sum->finish());
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->count(), 0);
  auto counts = lab_.run(lab_.client().CountUp({}));
  EXPECT_FALSE(lab_.run(counts->next())->has_value());
  EXPECT_TRUE(counts->status().is_ok()) << counts->status();
  expect_quiet();
}

TEST_P(CallEnds, S10_FinishTwiceOrWriteAfterItIsRefusedAndHarmsNothing) {
  auto stream = lab_.run(lab_.client().Mirror());
  EXPECT_TRUE(lab_.run(stream->writer.write(text("one")))->is_ok());
  EXPECT_TRUE(lab_.run(stream->writer.finish())->is_ok());
  EXPECT_EQ(lab_.run(stream->writer.finish())->code(), StatusCode::kFailedPrecondition);
  const Status late = *lab_.run(stream->writer.write(text("late")));
  // CANCELLED once the handler has ended the call as well.
  EXPECT_TRUE(late.code() == StatusCode::kFailedPrecondition ||
              late.code() == StatusCode::kCancelled)
      << late;
  EXPECT_EQ(lab_.run(stream->reader.next())->value().message.text(), "one");
  EXPECT_TRUE(end_of(stream->reader).is_ok()) << stream->reader.status();
  expect_quiet();
}

// A reset after the end: the caller gives up once it has said everything.
TEST_P(CallEnds, S10_CancellingAfterTheLastFrameEndsTheCallOnce) {
  for (Duration wait : {0ms, 3ms, 5ms, 8ms, 10ms, 15ms}) {
    auto stream = lab_.run(lab_.client().Mirror());
    EXPECT_TRUE(lab_.run(stream->writer.write(text("one")))->is_ok());
    EXPECT_TRUE(lab_.run(stream->writer.finish())->is_ok());
    lab_.run_for(wait);
    stream->reader.cancel();
    stream->reader.cancel();
    const Status status = end_of(stream->reader);
    EXPECT_TRUE(status.code() == StatusCode::kCancelled || status.is_ok()) << status;
    expect_quiet();
  }
}

TEST_P(CallEnds, S10_CancellingAfterTheEndChangesNothing) {
  auto stream = lab_.run(lab_.client().Mirror());
  EXPECT_TRUE(lab_.run(stream->writer.finish())->is_ok());
  EXPECT_TRUE(end_of(stream->reader).is_ok());
  stream->reader.cancel();
  EXPECT_TRUE(stream->reader.status().is_ok()) << stream->reader.status();
  expect_quiet();
}

// Which half is dropped when, before and after the caller's end: at most the call is cancelled.
TEST_P(CallEnds, S10_HalvesMayBeDroppedInEitherOrderAroundTheEnd) {
  for (const bool finish_first : {false, true}) {
    for (const bool reader_first : {false, true}) {
      for (const Duration pause : {0ms, 7ms, 30ms}) {
        auto stream = lab_.run(lab_.client().Mirror());
        EXPECT_TRUE(lab_.run(stream->writer.write(text("one")))->is_ok());
        if (finish_first) {
          EXPECT_TRUE(lab_.run(stream->writer.finish())->is_ok());
        }
        std::optional<Writer<Text>> writer(std::move(stream->writer));
        std::optional<Reader<Text>> reader(std::move(stream->reader));
        lab_.run_for(pause);
        if (reader_first) reader.reset();
        lab_.run_for(pause);
        writer.reset();
        lab_.run_for(pause);
        if (reader) {
          // After finish() the writer is not needed any more.
          const Status status = end_of(*reader);
          EXPECT_EQ(status.code(), finish_first ? StatusCode::kOk : StatusCode::kCancelled)
              << status;
        }
        reader.reset();
        expect_quiet();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, CallEnds, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
