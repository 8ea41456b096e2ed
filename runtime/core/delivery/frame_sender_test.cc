#include "runtime/core/delivery/frame_sender.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/core/delivery/reassembly.h"
#include "tests/support/core_fakes.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using testing::ManualExecutor;
using testing::RecordingTransport;

class FrameSenderTest : public ::testing::Test {
 protected:
  FrameSender& make(Delivery delivery, Duration max_age = {}) {
    sender_ = make_frame_sender(
        delivery, {executor_, transport_, limits_, streams_, StreamId{8}, 2, max_age});
    return *sender_;
  }
  void send(std::uint64_t sequence, std::string_view message, RemoteTime captured = {}) {
    sender_->send(executor_.now(), {sequence, captured}, Buffer::copy(message));
  }
  // As one of our own clock.
  RemoteTime ago(Duration age) const {
    return RemoteTime((executor_.now() - age).time_since_epoch());
  }

  ManualExecutor executor_;
  RecordingTransport transport_;
  Limits limits_;
  FrameStreams streams_;
  std::unique_ptr<FrameSender> sender_;
};

TEST_F(FrameSenderTest, AFrameAgesFromItsCaptureIfThatIsKnownAndPast) {
  const LocalTime now = executor_.now();
  const auto captured = [&](Duration age) { return FrameHeader{0, ago(age)}; };
  EXPECT_EQ(expiry_of(now, captured(30ms), 100ms), now + 70ms);
  EXPECT_EQ(expiry_of(now, captured(-30ms), 100ms), now + 100ms);
  EXPECT_EQ(expiry_of(now, {0, RemoteTime{}}, 100ms), now + 100ms);
  EXPECT_EQ(expiry_of(now, captured(30ms), 0ms), kNever);
}

// ---- RELIABLE

TEST_F(FrameSenderTest, ReliableFramesFollowEachOtherOnTheCallsStream) {
  make(Delivery::kReliable);
  send(0, "first", RemoteTime(5ns));
  send(300, "");
  const auto frames = testing::read_frames(transport_.streams[StreamId{8}].written);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, static_cast<std::uint64_t>(FrameType::kTimedMessage));
  EXPECT_EQ(frames[0].payload, testing::varint_bytes({0, 5}) + "first");
  EXPECT_EQ(frames[1].payload, testing::varint_bytes({300, 0}));
  EXPECT_FALSE(transport_.streams[StreamId{8}].fin);
  EXPECT_EQ(sender_->stats().sent, 2u);
}

TEST_F(FrameSenderTest, AReliableWriterWaitsAboveTheHighWaterMarkAndHearsOfTheLow) {
  make(Delivery::kReliable);
  transport_.unsent[StreamId{8}] = limits_.send_high_water_bytes;
  send(0, "a");
  EXPECT_TRUE(sender_->is_writable());
  EXPECT_FALSE(transport_.streams[StreamId{8}].low_water);
  transport_.unsent[StreamId{8}] = limits_.send_high_water_bytes + 1;
  send(1, "b");
  EXPECT_FALSE(sender_->is_writable());
  EXPECT_EQ(transport_.streams[StreamId{8}].low_water, limits_.send_low_water_bytes);
}

// ---- EXPIRING

TEST_F(FrameSenderTest, EachExpiringFrameHasAStreamOfItsOwn) {
  make(Delivery::kExpiring, 100ms);
  send(0, "zero");
  send(1, "one", ago(1ms));
  EXPECT_EQ(as_text(transport_.streams[StreamId{2}].written),
            testing::varint_bytes({2, 8, 0, 0}) + "zero");
  EXPECT_EQ(transport_.streams[StreamId{6}].fin, true);
  EXPECT_EQ(transport_.streams[StreamId{6}].priority, 2);
}

TEST_F(FrameSenderTest, AnExpiringFrameIsResetExactlyAtItsMaxAge) {
  make(Delivery::kExpiring, 100ms);
  send(0, "zero");
  executor_.advance(100ms - 1ns);
  EXPECT_TRUE(transport_.streams[StreamId{2}].resets.empty());
  executor_.advance(1ns);
  EXPECT_EQ(transport_.streams[StreamId{2}].resets, std::vector{WireError::kStale});
  EXPECT_EQ(sender_->stats().expired, 1u);
  EXPECT_TRUE(sender_->is_idle());
  EXPECT_TRUE(streams_.senders.empty());
}

TEST_F(FrameSenderTest, AnExpiringFrameCapturedEarlierExpiresEarlierAlsoBehindAYoungerOne) {
  make(Delivery::kExpiring, 100ms);
  send(0, "young");
  send(1, "old", ago(60ms));
  send(2, "too old", ago(100ms));
  EXPECT_EQ(sender_->stats().expired, 1u) << "that one is not sent at all";
  executor_.advance(40ms);
  EXPECT_TRUE(transport_.streams[StreamId{2}].resets.empty());
  EXPECT_EQ(transport_.streams[StreamId{6}].resets, std::vector{WireError::kStale});
}

TEST_F(FrameSenderTest, WithoutAMaxAgeAnExpiringFrameNeverExpires) {
  make(Delivery::kExpiring);
  send(0, "zero");
  executor_.advance(24h);
  EXPECT_TRUE(transport_.streams[StreamId{2}].resets.empty());
  EXPECT_EQ(executor_.armed_timers(), 0u);
}

TEST_F(FrameSenderTest, ADeliveredFrameIsForgottenAndItsTimerDisarmed) {
  make(Delivery::kExpiring, 100ms);
  send(0, "zero");
  sender_->handle_stream_closed(StreamId{2});
  EXPECT_TRUE(sender_->is_idle());
  EXPECT_EQ(executor_.armed_timers(), 0u);
  executor_.advance(1s);
  EXPECT_TRUE(transport_.streams[StreamId{2}].resets.empty());
}

TEST_F(FrameSenderTest, ExpiringFramesWaitForStreamCreditInOrderAndExpireWhileTheyWait) {
  transport_.unidirectional_credit = 0;
  make(Delivery::kExpiring, 100ms);
  send(0, "zero");
  executor_.advance(50ms);
  send(1, "one");
  send(2, "two");
  EXPECT_TRUE(transport_.streams.empty());
  EXPECT_EQ(streams_.waiting.size(), 1u);
  executor_.advance(50ms);
  EXPECT_EQ(sender_->stats().expired, 1u);
  transport_.unidirectional_credit = 1;
  streams_.waiting.clear();
  sender_->handle_progress(executor_.now());
  EXPECT_EQ(as_text(transport_.streams[StreamId{2}].written),
            testing::varint_bytes({2, 8, 1, 0}) + "one");
  EXPECT_EQ(streams_.waiting.size(), 1u);
}

TEST_F(FrameSenderTest, BeyondTheLimitInFlightTheOldestExpiringFrameIsGivenUp) {
  limits_.max_expiring_in_flight = 3;
  make(Delivery::kExpiring, 10s);
  for (std::uint64_t i = 0; i < 3; ++i) send(i, "x");
  EXPECT_EQ(sender_->stats().expired, 0u);
  send(3, "x");
  EXPECT_EQ(sender_->stats().expired, 1u);
  EXPECT_EQ(transport_.streams[StreamId{2}].resets, std::vector{WireError::kStale});
  EXPECT_TRUE(transport_.streams[StreamId{6}].resets.empty());
}

TEST_F(FrameSenderTest, ACancelledCallGivesAllItsFramesUp) {
  make(Delivery::kExpiring, 10s);
  send(0, "x");
  send(1, "y");
  sender_->give_up_all(WireError::kCancelled);
  EXPECT_EQ(transport_.streams[StreamId{2}].resets, std::vector{WireError::kCancelled});
  EXPECT_EQ(transport_.streams[StreamId{6}].resets, std::vector{WireError::kCancelled});
  EXPECT_EQ(sender_->stats().expired, 2u);
  EXPECT_EQ(executor_.armed_timers(), 0u);
}

TEST_F(FrameSenderTest, ASenderThatGoesAwayTakesItsEntriesAlong) {
  transport_.unidirectional_credit = 1;
  make(Delivery::kExpiring, 10s);
  send(0, "x");
  send(1, "y");
  EXPECT_EQ(streams_.senders.size(), 1u);
  EXPECT_EQ(streams_.waiting.size(), 1u);
  sender_.reset();
  EXPECT_TRUE(streams_.senders.empty());
  EXPECT_TRUE(streams_.waiting.empty());
}

// ---- DATAGRAM

TEST_F(FrameSenderTest, ASmallDatagramFrameIsOneDatagram) {
  make(Delivery::kDatagram, 20ms);
  const RemoteTime captured = ago(5ms);
  send(1, "hello", captured);
  ASSERT_EQ(transport_.datagrams.size(), 1u);
  const auto stamp = static_cast<std::uint64_t>(captured.time_since_epoch().count());
  EXPECT_EQ(as_text(transport_.datagrams[0].bytes),
            testing::varint_bytes({0, 8, 1, stamp}) + "hello");
  EXPECT_EQ(transport_.datagrams[0].priority, 2);
  EXPECT_EQ(transport_.datagrams[0].expires_at, executor_.now() + 15ms);
}

TEST_F(FrameSenderTest, ADatagramFrameOfEverySizeComesBackWholeFromItsPieces) {
  for (const std::size_t most : {30u, 64u, 1200u}) {
    transport_.datagram_bytes = most;
    for (std::size_t size = 0; size < 4 * most && size < 300; ++size) {
      make(Delivery::kDatagram);
      transport_.datagrams.clear();
      const std::string message(size, static_cast<char>('a' + size % 26));
      send(size, message);
      Reassembly reassembly(10'000, 10'000'000);
      std::optional<std::string> got;
      for (const auto& datagram : transport_.datagrams) {
        ASSERT_LE(datagram.bytes.size(), most);
        ByteReader reader(datagram.bytes);
        const auto header = read_datagram_header(reader);
        ASSERT_TRUE(header.has_value());
        EXPECT_EQ(header->frame.sequence, size);
        if (header->fragment_count == 1) {
          got = as_text(reader.rest());
        } else if (auto whole = reassembly.add(*header, reader.rest())) {
          got = whole->text();
        }
      }
      EXPECT_EQ(got, message) << size << " in datagrams of " << most;
    }
  }
}

TEST_F(FrameSenderTest, ADatagramFrameOfTooManyFragmentsIsNotSent) {
  transport_.datagram_bytes = 30;  // one byte a fragment
  make(Delivery::kDatagram);
  send(0, std::string(kMaxFragments, 'x'));
  EXPECT_EQ(transport_.datagrams.size(), kMaxFragments);
  transport_.datagrams.clear();
  send(1, std::string(kMaxFragments + 1, 'x'));
  EXPECT_TRUE(transport_.datagrams.empty());
  EXPECT_EQ(sender_->stats().expired, 1u);
}

TEST_F(FrameSenderTest, WithoutDatagramsOrWhenTooOldNothingIsSent) {
  make(Delivery::kDatagram, 20ms);
  send(0, "old", ago(20ms));
  transport_.datagram_bytes = 0;
  send(1, "x");
  EXPECT_TRUE(transport_.datagrams.empty());
  EXPECT_EQ(sender_->stats().expired, 2u);
  EXPECT_TRUE(sender_->is_writable());
}

}  // namespace
}  // namespace echostream::core
