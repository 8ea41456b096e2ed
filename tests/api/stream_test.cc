#include <gmock/gmock.h>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Text;
using namespace std::chrono_literals;

class Streams : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override { lab_.connect(); }
  static Count count(std::int64_t value) {
    Count message;
    message.set_count(value);
    return message;
  }
  Lab lab_{options()};
};

struct Tally {
  std::vector<std::int64_t> numbers;
  std::uint64_t lost = 0;
  std::uint64_t lost_at_end = 0;
  Status end;
};

Task<Tally> read_counts(Reader<Count> reader) {
  Tally tally;
  while (auto frame = co_await reader.next()) {
    tally.numbers.push_back(frame->message.count());
    tally.lost += frame->lost_before;
  }
  tally.end = reader.status();
  co_return tally;
}

Task<Tally> read_texts(Reader<Text> reader) {
  Tally tally;
  while (auto frame = co_await reader.next()) {
    tally.numbers.push_back(frame->message.number());
    tally.lost += frame->lost_before;
  }
  tally.lost_at_end = reader.lost_at_end();
  tally.end = reader.status();
  co_return tally;
}

TEST_P(Streams, AServerStreamArrivesWholeAndInOrder) {
  auto reader = lab_.run(lab_.client().CountUp(count(10'000)));
  auto tally = lab_.run(read_counts(std::move(*reader)));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  ASSERT_EQ(tally->numbers.size(), 10'000u);
  for (std::int64_t i = 0; i < 10'000; ++i)
    EXPECT_EQ(tally->numbers[static_cast<std::size_t>(i)], i);
}

Task<Result<Count>> add_up(ClientStream<Count, Count> stream, int to) {
  for (int i = 1; i <= to; ++i) {
    Count value;
    value.set_count(i);
    Status status = co_await stream.write(value);
    if (!status.is_ok()) co_return status;
  }
  co_return co_await stream.finish();
}

TEST_P(Streams, AClientStreamEndsWithOneReply) {
  auto stream = lab_.run(lab_.client().Sum());
  auto sum = lab_.run(add_up(std::move(*stream), 1000));
  ASSERT_TRUE(sum && *sum) << sum->status();
  EXPECT_EQ((*sum)->count(), 500'500);
}

Task<Status> send_texts(Writer<Text> writer, int many, Duration pause, std::size_t bytes) {
  Text frame;
  frame.set_payload(std::string(bytes, 'x'));
  for (int i = 0; i < many; ++i) {
    frame.set_number(i);
    Status status = co_await writer.write(frame);
    if (!status.is_ok()) co_return status;
    if (pause > Duration::zero()) (void)co_await sleep_for(pause);
  }
  Status status = co_await writer.finish();
  // The call is cancelled when the writer goes: hold it until the echo is done.
  (void)co_await sleep_for(2s);
  co_return status;
}

Task<Tally> mirror_all(DuplexStream<Text, Text> stream, int many, Duration pause,
                       std::size_t bytes) {
  auto both = co_await when_all(send_texts(std::move(stream.writer), many, pause, bytes),
                                read_texts(std::move(stream.reader)));
  co_return std::get<1>(std::move(both));
}

TEST_P(Streams, BothWaysReliable) {
  auto stream = lab_.run(lab_.client().Mirror());
  auto tally = lab_.run(mirror_all(std::move(*stream), 500, 0ms, 2000));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  EXPECT_EQ(tally->numbers.size(), 500u);
  EXPECT_EQ(tally->lost, 0u);
}

TEST_P(Streams, BothWaysByDatagram) {
  auto stream = lab_.run(lab_.client().DatagramMirror());
  auto tally = lab_.run(mirror_all(std::move(*stream), 100, 5ms, 500));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  EXPECT_EQ(tally->numbers.size(), 100u);
  EXPECT_EQ(tally->lost + tally->lost_at_end, 0u);
}

TEST_P(Streams, FramesLargerThanADatagramAreFragmented) {
  auto stream = lab_.run(lab_.client().DatagramMirror());
  auto tally = lab_.run(mirror_all(std::move(*stream), 20, 20ms, 10'000));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  EXPECT_EQ(tally->numbers.size(), 20u);
}

TEST_P(Streams, BothWaysExpiring) {
  auto stream = lab_.run(lab_.client().ExpiringMirror());
  auto tally = lab_.run(mirror_all(std::move(*stream), 100, 5ms, 3000));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  EXPECT_EQ(tally->numbers.size(), 100u);
}

TEST_P(Streams, ARelaxedReaderStallsAReliableWriterAndMemoryStaysBounded) {
  auto stream = lab_.run(lab_.client().Mirror());
  int written = 0;
  TaskGroup group(lab_.client_loop());
  group.spawn([](Writer<Text>& writer, int& counter) -> Task<void> {
    Text frame;
    frame.set_payload(std::string(100'000, 'x'));
    for (;;) {
      Status status = co_await writer.write(frame);
      if (!status.is_ok()) co_return;
      ++counter;
    }
  }(stream->writer, written));
  lab_.run_for(5s);
  const int stalled_at = written;
  EXPECT_LT(stalled_at, 100);  // 10 MB: two windows each way, two queues
  lab_.run_for(5s);
  EXPECT_EQ(written, stalled_at);
}

TEST_P(Streams, DroppingTheReaderCancelsTheHandler) {
  {
    auto reader = lab_.run(lab_.client().Datagrams(count(100'000)));
    lab_.run_for(100ms);
    EXPECT_EQ(lab_.server_handler->running, 1);
  }
  lab_.run_for(200ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
}

TEST_P(Streams, FramesCarryTheirCaptureTime) {
  auto stream = lab_.run(lab_.client().Mirror());
  const LocalTime captured = lab_.server_node->loop().now() - 3s;
  TaskGroup group(lab_.server_node->loop());
  std::optional<Frame<Text>> got;
  auto reader = lab_.run(lab_.client().Datagrams(count(1)));
  auto frame = lab_.run(reader->next());
  ASSERT_TRUE(frame && *frame);
  const LocalTime server_now = lab_.server_node->loop().now();
  EXPECT_GT((*frame)->capture_time.time_since_epoch(), captured.time_since_epoch());
  EXPECT_LE((*frame)->capture_time.time_since_epoch(), server_now.time_since_epoch());
}

// Handlers that end while their caller writes, and callers that let go of one half.

TEST_P(Streams, WritingAfterThePeerEndedTheCallFails) {
  auto stream = lab_.run(lab_.client().Mirror());
  ASSERT_TRUE(lab_.run(stream->writer.finish())->is_ok());
  while (lab_.run(stream->reader.next())->has_value()) {
  }
  EXPECT_TRUE(stream->reader.status().is_ok()) << stream->reader.status();
  EXPECT_EQ(lab_.run(stream->writer.write(text("late")))->code(), StatusCode::kCancelled);
  EXPECT_EQ(lab_.run(stream->writer.finish())->code(), StatusCode::kFailedPrecondition);
}

TEST_P(Streams, DroppingAnUnfinishedWriterCancelsTheCallThatIsStillRead) {
  auto stream = lab_.run(lab_.client().Mirror());
  { const auto dropped = std::move(stream->writer); }
  auto frame = lab_.run(stream->reader.next());
  ASSERT_TRUE(frame && !*frame);
  EXPECT_EQ(stream->reader.status().code(), StatusCode::kCancelled);
  lab_.run_for(200ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
}

TEST_P(Streams, DroppingAReaderBeforeTheEndStopsTheWriterOfTheSameCall) {
  auto stream = lab_.run(lab_.client().Mirror());
  { const auto dropped = std::move(stream->reader); }
  EXPECT_EQ(lab_.run(stream->writer.write(text("nobody")))->code(), StatusCode::kCancelled);
  lab_.run_for(200ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
}

INSTANTIATE_TEST_SUITE_P(Wires, Streams, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

// ---- On a bad link.

struct LossyCase {
  double loss;
  Duration delay;
};

Lab::Options lossy(std::uint64_t seed) {
  Lab::Options chosen;
  chosen.seed = seed;
  chosen.link.delay = 20ms;
  chosen.link.jitter = 5ms;
  chosen.link.loss = 0.05;
  return chosen;
}

TEST(StreamsOnALossyLink, ADatagramReaderLearnsOfEveryGap) {
  Lab lab(lossy(7));
  lab.connect();
  Count many;
  many.set_count(500);
  auto reader = lab.run(lab.client().Datagrams(many));
  auto tally = lab.run(read_texts(std::move(*reader)));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  EXPECT_GT(tally->lost, 5u);
  EXPECT_LT(tally->lost, 80u);
  EXPECT_EQ(tally->numbers.size() + tally->lost + tally->lost_at_end, 500u);
  EXPECT_TRUE(std::is_sorted(tally->numbers.begin(), tally->numbers.end()));
}

TEST(StreamsOnALossyLink, ExpiringFramesAreResentWhileFresh) {
  Lab lab(lossy(8));
  lab.connect();
  Count many;
  many.set_count(500);
  auto reader = lab.run(lab.client().Expiring(many));
  auto tally = lab.run(read_texts(std::move(*reader)));
  EXPECT_TRUE(tally->end.is_ok()) << tally->end;
  // 5 % are lost once; a resend arrives within the 100 ms that a frame is worth having.
  EXPECT_GT(tally->numbers.size(), 490u);
  EXPECT_EQ(tally->numbers.size() + tally->lost + tally->lost_at_end, 500u);
}

}  // namespace
}  // namespace echostream::testing
