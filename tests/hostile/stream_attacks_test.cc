// Streams opened to be thrown away.
#include <algorithm>

#include "runtime/transport/abuse_guard.h"
#include "tests/hostile/hostile_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using transport::Abuse;

// Sends packets of 60 new streams each until the server closes or a million are out.
struct Churn {
  std::int64_t run(std::int64_t first_id,
                   const std::function<void(Frames&, std::int64_t)>& stream) {
    EXPECT_TRUE(hostile.peer.connect());
    hostile.sink().forgets_closed_streams = true;
    const std::size_t before = live_bytes();
    std::int64_t streams = 0;
    while (streams < 1'000'000 && !hostile.peer.is_closed()) {
      Frames frames;
      if (acknowledges) {
        const std::uint64_t largest = *hostile.peer.largest_number(PacketType::kOneRtt);
        frames.ack(largest, largest);
      }
      for (int i = 0; i < 60; ++i) stream(frames, first_id + 4 * streams++);
      hostile.peer.send(frames);
      hostile.peer.run_for(interval);
      most_bytes = std::max(most_bytes, live_bytes() - std::min(before, live_bytes()));
      most_streams = std::max(most_streams, hostile.sink().streams.size());
    }
    return streams;
  }
  void expect_put_out() {
    ASSERT_TRUE(hostile.peer.is_closed());
    EXPECT_EQ(hostile.code(), kProtocolViolation);
    EXPECT_EQ(as_text(hostile.peer.close->data), transport::describe(Abuse::kBrokenStreams));
  }

  HostileClient hostile;
  bool acknowledges = true;
  Duration interval = 1ms;
  std::size_t most_bytes = 0;
  std::size_t most_streams = 0;
};

TEST(StreamChurn, S01_MillionStreamsOpenedAndResetArePutOutAndLeaveNothing) {
  Churn churn;
  const std::int64_t streams = churn.run(
      2, [](Frames& frames, std::int64_t id) { frames.stream(id, 0, "x").reset_stream(id, 7, 1); });
  churn.expect_put_out();
  // Five seconds' worth at once, 60,000 a second against 10,000.
  EXPECT_LT(streams, 70'000);
  EXPECT_LT(churn.most_bytes, 1u << 20);
  EXPECT_LE(churn.most_streams, 1024u);
}

// Those of which we still hold our half count as open, and come to the limit.
TEST(StreamChurn, S01_OfBidirectionalStreamsNoMoreThanTheLimitAreHeld) {
  Churn churn;
  const std::int64_t streams = churn.run(
      0, [](Frames& frames, std::int64_t id) { frames.stream(id, 0, "x").reset_stream(id, 7, 1); });
  EXPECT_EQ(churn.hostile.code(), kStreamLimitError);
  EXPECT_LE(streams, 1080);
  EXPECT_LE(churn.most_streams, 1024u);
  EXPECT_LT(churn.most_bytes, 4u << 20);
}

// MadeYouReset (CVE-2025-8671): the peer does not reset, it makes us do it.
struct MadeToReset : Churn {
  MadeToReset() {
    hostile.server.when_accepted = [](RecordingSink& sink) {
      sink.when_data = [&sink](StreamId id, BytesView, bool) {
        sink.connection->stop_sending(id, 1);
        sink.connection->reset(id, 1);
      };
    };
  }
};

TEST(StreamChurn, S02_StreamsThatThePeerMakesUsResetCountTheSame) {
  MadeToReset churn;
  churn.run(0, [](Frames& frames, std::int64_t id) { frames.stream(id, 0, "bad", true); });
  churn.expect_put_out();
  EXPECT_LT(churn.most_bytes, 4u << 20);
}

TEST(StreamChurn, S02_WithoutAcknowledgementsTheyComeToTheLimit) {
  MadeToReset churn;
  churn.acknowledges = false;
  churn.run(0, [](Frames& frames, std::int64_t id) { frames.stream(id, 0, "bad", true); });
  EXPECT_EQ(churn.hostile.code(), kStreamLimitError);
  EXPECT_LE(churn.most_streams, 1024u);
}

TEST(StreamChurn, S02_WindowViolationsEndTheConnectionAtTheFirst) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  hostile.peer.send(Frames().stream(0, 1024 * 1024, "x"));
  EXPECT_EQ(hostile.code(), kFlowControlError);
}

TEST(StreamChurn, FinalSizesThatContradictAreAnError) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  hostile.peer.send(Frames().stream(0, 0, "four", false).reset_stream(0, 1, 3));
  EXPECT_EQ(hostile.code(), kFinalSizeError);
}

TEST(StreamChurn, S03_JumpToTheHighestIdOpensOneStream) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  const std::size_t before = live_bytes();
  hostile.peer.send(Frames().stream(4 * 1023, 0, "x"));
  EXPECT_FALSE(hostile.peer.is_closed());
  EXPECT_EQ(hostile.sink().streams.size(), 1u);
  EXPECT_LT(live_bytes(), before + 64 * 1024);
  hostile.peer.send(Frames().stream(4 * 1024, 0, "x"));
  EXPECT_EQ(hostile.code(), kStreamLimitError);
}

TEST(StreamChurn, S03_HighestIdThereIsIsRefused) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  hostile.peer.send(Frames().stream((std::int64_t{1} << 62) - 4, 0, "x"));
  EXPECT_EQ(hostile.code(), kStreamLimitError);
}

}  // namespace
}  // namespace echostream::testing
