// Peers that hold calls open without reading or without going on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_fixture.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;

class StalledCalls : public SessionFixture {
 protected:
  StalledCalls() { limits.stalled_peer_timeout = 60s; }
  // A peer's call whose stream brings `bytes`, then one byte of "x" every `interval`.
  void trickle(Duration interval, Duration total) {
    for (Duration passed{}; passed < total; passed += interval) {
      executor.advance(interval);
      receive(kPeerCall, "x");
    }
  }
};

// ---- S05: the peer does not finish what it began.

TEST_F(StalledCalls, S05_AMessageThatTricklesEndsTheCallAfterTheTimeout) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes(std::string(1000, 'm')).substr(0, 10));
  ASSERT_EQ(observer.calls.size(), 1u);
  trickle(1s, 59s);
  EXPECT_FALSE(observer.calls[0]->end());
  trickle(1s, 17s);
  ASSERT_TRUE(observer.calls[0]->end());
  EXPECT_EQ(observer.calls[0]->end()->status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(observer.calls[0]->end()->status.message()),
              HasSubstr("did not finish it within 60 s"));
  // The peer hears of it too, and is asked to stop.
  ASSERT_TRUE(answered(kPeerCall));
  EXPECT_EQ(answered(kPeerCall)->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(transport.streams[kPeerCall].stops, std::vector{WireError::kLimit});
  observer.calls[0]->release();
}

TEST_F(StalledCalls, S05_SilenceInsideAMessageEndsTheCallToo) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes("message").substr(0, 5));
  executor.advance(76s);
  ASSERT_TRUE(observer.calls[0]->end());
  observer.calls[0]->release();
}

TEST_F(StalledCalls, S05_ARequestThatIsNeverCompleteIsAnsweredWithAnError) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100).substr(0, 2));
  executor.advance(76s);
  EXPECT_TRUE(observer.calls.empty());
  ASSERT_TRUE(answered(kPeerCall));
  EXPECT_EQ(answered(kPeerCall)->status.code(), StatusCode::kResourceExhausted);
}

TEST_F(StalledCalls, AReplyThatIsNeverCompleteEndsOurCall) {
  connect_with_settings();
  CallStream& call = start();
  receive(kOurCall, message_bytes(std::string(1000, 'm')).substr(0, 500));
  executor.advance(76s);
  ASSERT_TRUE(call.end());
  EXPECT_EQ(call.end()->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(transport.streams[kOurCall].resets, std::vector{WireError::kLimit});
  call.release();
}

TEST_F(StalledCalls, SilenceBetweenMessagesIsFine) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes("whole"));
  executor.advance(3600s);
  receive(kPeerCall, message_bytes("another"));
  EXPECT_FALSE(observer.calls[0]->end());
  observer.calls[0]->release();
}

// 200 kB at 1 kB a second: slower than any real link, and still going on.
TEST_F(StalledCalls, ALargeMessageOverASlowLinkIsFine) {
  connect_with_settings();
  const std::string message = message_bytes(std::string(200'000, 'm'));
  receive(kPeerCall, request_bytes(100));
  for (std::size_t at = 0; at < message.size(); at += 1000) {
    receive(kPeerCall, std::string_view(message).substr(at, 1000));
    executor.advance(1s);
    ASSERT_FALSE(observer.calls[0]->end()) << at;
  }
  EXPECT_TRUE(observer.calls[0]->has_message());
  observer.calls[0]->release();
}

// Small messages one after the other, each in two halves: never one boundary between two arrivals.
TEST_F(StalledCalls, MessagesThatFollowEachOtherAreCountedAnew) {
  connect_with_settings();
  const std::string message = message_bytes("0123456789");
  receive(kPeerCall, request_bytes(100) + message.substr(0, 6));
  for (int i = 0; i < 100; ++i) {
    executor.advance(10s);
    receive(kPeerCall, message.substr(6) + message.substr(0, 6));
    ASSERT_TRUE(observer.calls[0]->take_message()) << i;
  }
  EXPECT_FALSE(observer.calls[0]->end());
  observer.calls[0]->release();
}

// Our own reader lets the peer's bytes wait, and so, perhaps, the peer's other calls.
TEST_F(StalledCalls, NobodyIsBlamedWhileThisSideHoldsBack) {
  limits.max_inbox_messages = 1;
  connect_with_settings();
  const StreamId other{5};
  receive(kPeerCall, request_bytes(100) + message_bytes("whole").substr(0, 4));
  receive(other, request_bytes(100) + message_bytes("a") + message_bytes("b"));
  executor.advance(600s);
  EXPECT_FALSE(observer.calls[0]->end());
  EXPECT_EQ(observer.calls[1]->take_message()->message.text(), "a");
  EXPECT_EQ(observer.calls[1]->take_message()->message.text(), "b");
  executor.advance(80s);
  EXPECT_TRUE(observer.calls[0]->end());
  for (CallStream* call : observer.calls) call->release();
}

TEST_F(StalledCalls, ZeroWaitsForEver) {
  limits.stalled_peer_timeout = {};
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes("message").substr(0, 5));
  executor.advance(100h);
  EXPECT_FALSE(observer.calls[0]->end());
  observer.calls[0]->release();
}

TEST_F(StalledCalls, ATimerRunsOnlyWhileAMessageIsUnderWay) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes("whole"));
  EXPECT_EQ(executor.armed_timers(), 0u);
  const std::string message = message_bytes("another");
  receive(kPeerCall, message.substr(0, 3));
  EXPECT_EQ(executor.armed_timers(), 1u);
  receive(kPeerCall, message.substr(3));
  executor.advance(60s);
  EXPECT_EQ(executor.armed_timers(), 0u);
  receive(kPeerCall, message.substr(0, 3));
  observer.calls[0]->release();
  session->handle_stream_closed(kPeerCall);
  EXPECT_EQ(executor.armed_timers(), 0u);
}

// ---- S04: the peer takes nothing of what waits for it.

TEST_F(StalledCalls, S04_ACallWhoseStreamStallsIsOver) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100));
  CallWatch watch;
  observer.calls[0]->set_observer(&watch);
  session->handle_stream_stalled(kPeerCall);
  ASSERT_TRUE(observer.calls[0]->end());
  EXPECT_EQ(observer.calls[0]->end()->status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(observer.calls[0]->end()->status.message()), HasSubstr("for 60 s"));
  EXPECT_FALSE(transport.streams[kPeerCall].resets.empty());
  EXPECT_EQ(transport.streams[kPeerCall].resets[0], WireError::kLimit);
  EXPECT_GE(watch.changes, 1);
  observer.calls[0]->release();
}

// The handler has answered long ago; the answer waits, and holds memory.
TEST_F(StalledCalls, S04_AnAnswerThatNobodyTakesIsDropped) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(100) + message_bytes("question"), true);
  CallStream& call = *observer.calls[0];
  ASSERT_TRUE(call.send_message(Buffer::copy(std::string(100'000, 'a')), false).is_ok());
  call.send_status({Status(), {}});
  call.release();
  session->handle_stream_stalled(kPeerCall);
  EXPECT_FALSE(transport.streams[kPeerCall].resets.empty());
  session->handle_stream_closed(kPeerCall);
  EXPECT_FALSE(session->has_calls());
}

TEST_F(StalledCalls, EventsThatNobodyTakesCloseTheSession) {
  connect_with_settings();
  ASSERT_TRUE(session->emit(event_method(), {}, Buffer::copy("event")).is_ok());
  session->handle_stream_stalled(StreamId{6});  // our second unidirectional stream
  expect_closed(WireError::kLimit,
                "the peer took no event and nothing of the control stream for 60 s");
}

TEST_F(StalledCalls, ACallThatIsOverAlreadyKeepsItsStatus) {
  connect_with_settings();
  CallStream& call = start();
  receive(kOurCall, status_bytes(Status(StatusCode::kNotFound, "none")), true);
  ASSERT_TRUE(call.end());
  session->handle_stream_stalled(kOurCall);
  EXPECT_EQ(call.end()->status.code(), StatusCode::kNotFound);
  call.release();
}

}  // namespace
}  // namespace echostream::core
