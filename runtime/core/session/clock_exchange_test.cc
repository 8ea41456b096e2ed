// Probes and answers as datagrams, between two ends in memory.
#include "runtime/core/session/clock_exchange.h"

#include <gtest/gtest.h>

#include "tests/support/session_fixture.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;

class ClockExchangeTest : public SessionFixture {
 protected:
  void start_clock() {
    connect_with_settings();
    session->start_clock();
  }
  // What was sent since the last look, each told as sent now.
  std::vector<RecordingTransport::Datagram> take_sent() {
    std::vector<RecordingTransport::Datagram> sent = std::exchange(transport.datagrams, {});
    for (const auto& datagram : sent) session->handle_datagram_sent(executor.now(), datagram.tag);
    return sent;
  }
  void receive_datagram(const Buffer& datagram) {
    session->handle_datagram(executor.now(), datagram);
  }
  // Answers all probes as a peer would whose clock is `ahead` of ours, after `way` each way.
  void answer(Duration ahead, Duration way) {
    for (const auto& datagram : take_sent()) {
      const auto id = read_clock_request(datagram.bytes);
      ASSERT_TRUE(id);
      const RemoteTime at((executor.now() + way + ahead).time_since_epoch());
      executor.advance(2 * way);
      receive_datagram(make_clock_reply({*id, at, at, 0, {}}));
    }
  }
};

TEST_F(ClockExchangeTest, AsksTwentyTimesInTheFirstSecondThenOnceASecond) {
  start_clock();
  executor.advance(1s);
  const std::size_t burst = take_sent().size();
  EXPECT_GE(burst, 18u);
  EXPECT_LE(burst, 22u);
  executor.advance(10s);
  EXPECT_NEAR(static_cast<double>(take_sent().size()), 10, 2);
}

TEST_F(ClockExchangeTest, ProbesGoFirstAndDoNotWaitLong) {
  start_clock();
  executor.advance(100ms);
  for (const auto& datagram : take_sent()) {
    EXPECT_EQ(datagram.priority, 0);
    EXPECT_NE(datagram.tag, 0u);
    EXPECT_LE(datagram.expires_at, executor.now() + 1s);
    EXPECT_EQ(datagram.bytes.size(), 41u);
  }
}

TEST_F(ClockExchangeTest, LearnsThePeersClock) {
  start_clock();
  for (int i = 0; i < 100; ++i) {
    executor.advance(50ms);
    answer(77s, 5ms);
  }
  const ClockEstimate estimate = session->clock().estimate(executor.now());
  EXPECT_GT(estimate.samples, 15u);
  EXPECT_NEAR(static_cast<double>(estimate.offset.count()), 77e9, 50e3);
  EXPECT_GE(estimate.bound, 5ms);
  EXPECT_GT(observer.clock_updates, 15);
}

TEST_F(ClockExchangeTest, AnswersAtOnceAndTellsLaterWhenTheAnswerLeft) {
  connect_with_settings();
  receive_datagram(make_clock_request(500));
  ASSERT_EQ(transport.datagrams.size(), 1u);
  const auto first = read_clock_reply(transport.datagrams[0].bytes);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 500u);
  EXPECT_EQ(first->received.time_since_epoch(), executor.now().time_since_epoch());
  EXPECT_EQ(first->previous_id, 0u);
  const std::uint64_t tag = transport.datagrams[0].tag;
  executor.advance(3ms);  // in the pacer
  session->handle_datagram_sent(executor.now(), tag);
  const RemoteTime left(executor.now().time_since_epoch());
  executor.advance(1s);
  receive_datagram(make_clock_request(501));
  const auto second = read_clock_reply(transport.datagrams[1].bytes);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->previous_id, 500u);
  EXPECT_EQ(second->previous_sent, left);
}

TEST_F(ClockExchangeTest, AFloodOfRequestsIsNotAnsweredOneByOne) {
  connect_with_settings();
  for (std::uint64_t id = 1; id <= 10'000; ++id) receive_datagram(make_clock_request(id));
  EXPECT_LE(transport.datagrams.size(), 100u);
  EXPECT_GE(transport.datagrams.size(), 1u);
}

TEST_F(ClockExchangeTest, MalformedOnesAreDroppedAndCounted) {
  connect_with_settings();
  session->handle_datagram(executor.now(), as_bytes(varint_bytes({2})));
  session->handle_datagram(executor.now(), as_bytes(varint_bytes({3, 1, 1, 1, 1})));
  session->handle_datagram(executor.now(), as_bytes(varint_bytes({4, 0, 1})));
  EXPECT_EQ(session->stats().datagrams_dropped, 3u);
  EXPECT_TRUE(transport.datagrams.empty());
  EXPECT_TRUE(transport.closes.empty());
}

TEST_F(ClockExchangeTest, APeerWithoutDatagramsIsNotAsked) {
  transport.datagram_bytes = 0;
  start_clock();
  executor.advance(5s);
  EXPECT_TRUE(transport.datagrams.empty());
  EXPECT_EQ(executor.armed_timers(), 0u);
  EXPECT_FALSE(session->clock().is_known());
}

TEST_F(ClockExchangeTest, AsksNoMoreOnceTheSessionIsClosed) {
  start_clock();
  executor.advance(200ms);
  session->handle_closed(Status(StatusCode::kUnavailable, "gone"));
  transport.datagrams.clear();
  executor.advance(5s);
  EXPECT_TRUE(transport.datagrams.empty());
  EXPECT_EQ(executor.armed_timers(), 0u);
}

TEST_F(ClockExchangeTest, AsksMoreOftenWhileFramesFlow) {
  start_clock();
  CallStream& call = start(stream_method(Delivery::kDatagram, 100ms));
  executor.advance(2s);
  (void)take_sent();
  for (std::uint64_t i = 0; i < 500; ++i) {
    session->handle_datagram(executor.now(), as_bytes(varint_bytes({0, 0, i, 5}) + "x"));
    executor.advance(20ms);
  }
  std::size_t probes = 0;
  for (const auto& datagram : take_sent()) {
    if (datagram_type(datagram.bytes) == DatagramType::kClockRequest) ++probes;
  }
  EXPECT_NEAR(static_cast<double>(probes), 50, 8);
  executor.advance(5s);
  (void)take_sent();
  executor.advance(20s);
  EXPECT_NEAR(static_cast<double>(take_sent().size()), 20, 3);
  call.release();
}

// ---- Reports

TEST_F(ClockExchangeTest, AReceiverReportsHowFramesArriveFiveTimesASecond) {
  connect_with_settings();
  MethodInfo method = stream_method(Delivery::kDatagram, 0ms);
  method.jitter_buffer.enabled = true;
  CallStream& call = start(method);
  for (std::uint64_t i = 0; i < 100; ++i) {
    if (i % 10 != 3) {
      const std::string frame = varint_bytes({0, 0, i, 1'000'000'000 + i * 20'000'000}) + "x";
      session->handle_datagram(executor.now(), as_bytes(frame));
    }
    executor.advance(20ms);
  }
  std::vector<ReportFrame> reports;
  for (const auto& datagram : transport.datagrams) {
    if (auto report = read_report(datagram.bytes)) reports.push_back(*report);
  }
  ASSERT_NEAR(static_cast<double>(reports.size()), 10, 2);
  const ReportFrame& last = reports.back();
  EXPECT_EQ(last.call_id, 0u);
  EXPECT_EQ(last.expected - last.received, 9u);
  EXPECT_GT(last.played_at, RemoteTime{});
  // Captured at 1 s by its clock arrives at 1 s by ours: so it is played a little after that.
  const Duration delay = last.played_at - last.captured_at;
  EXPECT_GT(delay, 0ms);
  EXPECT_LT(delay, 80ms);
  call.release();
}

TEST_F(ClockExchangeTest, ASenderGivesUpWhatCannotBePlayedInTime) {
  start_clock();
  for (int i = 0; i < 100; ++i) {
    executor.advance(50ms);
    answer(0s, 1ms);
  }
  MethodInfo method = stream_method(Delivery::kExpiring, 10s);
  method.client_streaming = true;
  CallStream& call = start(method);
  const auto captured = [&] { return RemoteTime(executor.now().time_since_epoch()); };
  ASSERT_TRUE(call.send_frame(executor.now(), captured(), Buffer::copy("a")).is_ok());
  EXPECT_EQ(call.sender_stats().expired, 0u);
  // The receiver plays 50 ms after the capture.
  ReportFrame report;
  report.call_id = 0;
  report.expected = 1;
  report.received = 1;
  report.target_delay = 48ms;
  report.captured_at = captured();
  report.played_at = report.captured_at + 50ms;
  receive_datagram(make_report(report));
  ASSERT_TRUE(call.feedback());
  EXPECT_NEAR(static_cast<double>(call.feedback()->playout_delay.count()), 50e6, 1e6);
  EXPECT_EQ(call.feedback()->target_delay, 48ms);
  ASSERT_TRUE(call.send_frame(executor.now(), captured(), Buffer::copy("b")).is_ok());
  executor.advance(60ms);
  EXPECT_EQ(call.sender_stats().expired, 0u);
  executor.advance(60ms);
  EXPECT_EQ(call.sender_stats().expired, 1u);
  call.release();
}

TEST_F(ClockExchangeTest, ReportsThatLieDoNoMoreThanNothing) {
  start_clock();
  for (int i = 0; i < 100; ++i) {
    executor.advance(50ms);
    answer(0s, 1ms);
  }
  MethodInfo method = stream_method(Delivery::kExpiring, 10s);
  method.client_streaming = true;
  CallStream& call = start(method);
  const RemoteTime now(executor.now().time_since_epoch());
  ASSERT_TRUE(call.send_frame(executor.now(), now, Buffer::copy("a")).is_ok());
  for (const RemoteTime played :
       {now - 100s, now + 100h, RemoteTime(Duration(1)), RemoteTime(Duration((1ll << 62) - 1))}) {
    ReportFrame report;
    report.expected = ~0ull >> 2;
    report.received = 1;
    report.captured_at = now;
    report.played_at = played;
    receive_datagram(make_report(report));
    EXPECT_EQ(call.feedback()->playout_delay, 0ms);
  }
  ASSERT_TRUE(call.send_frame(executor.now(), now, Buffer::copy("b")).is_ok());
  executor.advance(5s);
  EXPECT_EQ(call.sender_stats().expired, 0u);
  // Of a call that is not, or whose frames come from the peer.
  ReportFrame report;
  report.call_id = 400;
  receive_datagram(make_report(report));
  EXPECT_EQ(session->stats().datagrams_dropped, 1u);
  call.release();
}

}  // namespace
}  // namespace echostream::core
