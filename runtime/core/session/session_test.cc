#include "runtime/core/session/session.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/session_fixture.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;

class SessionTest : public SessionFixture {};

// ---- Set-up

TEST_F(SessionTest, OpensItsControlStreamFirstWithItsSettingsAndAReservedFrame) {
  limits.max_message_bytes = 1234;
  connect();
  const RecordingTransport::Stream& control = transport.streams[kOurControl];
  EXPECT_EQ(control.written[0], 0u) << "the stream's type";
  EXPECT_EQ(control.priority, 0);
  const auto frames = read_frames(BytesView(control.written).subspan(1));
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, 0u);
  EXPECT_EQ(parse_settings(as_bytes(frames[0].payload))->max_message_bytes, 1234u);
  EXPECT_TRUE(is_reserved(frames[1].type));
  EXPECT_FALSE(control.fin);
}

TEST_F(SessionTest, TakesThePeersSettingsHoweverTheyAreCut) {
  connect();
  SettingsFrame settings;
  settings.max_message_bytes = 77;
  for (const char byte : varint_bytes({0}) + settings_bytes(settings)) {
    receive(kPeerControl, {&byte, 1});
  }
  EXPECT_EQ(session->peer_settings(), settings);
  EXPECT_TRUE(transport.closes.empty());
}

TEST_F(SessionTest, ClosesWhenThePeerAllowsNoControlStream) {
  transport.unidirectional_credit = 0;
  connect();
  expect_closed(WireError::kProtocol, "the peer allows no unidirectional streams");
}

TEST_F(SessionTest, IgnoresUnknownFramesStreamsAndSettings) {
  connect();
  receive(kPeerControl, varint_bytes({0}) + settings_bytes({}) + frame_bytes(0x2a, "later") +
                            frame_bytes(reserved_number(1000), std::string(100'000, 'g')));
  receive(kPeerStream, varint_bytes({0x40}) + "anything");
  receive(kPeerStream, "and more", true);
  EXPECT_TRUE(transport.closes.empty());
  EXPECT_EQ(transport.streams[kPeerStream].stops, std::vector{WireError::kUnknownStreamType});
  EXPECT_EQ(transport.streams[kPeerStream].consumed, 2 + 8 + 8u);
}

// What a control stream may not carry, and what the connection is closed with.
TEST_F(SessionTest, ClosesOnAControlStreamThatBreaksTheRules) {
  struct Case {
    std::string bytes;
    WireError code;
    std::string_view reason;
  };
  const std::string settings = settings_bytes({});
  const Case cases[] = {
      {frame_bytes(FrameType::kGoaway, ""), WireError::kProtocol,
       "the peer's first control frame has type 1 and is not SETTINGS"},
      {settings + settings, WireError::kProtocol, "the peer sent a second SETTINGS frame"},
      {frame_bytes(FrameType::kSettings, "\x41"), WireError::kProtocol,
       "malformed SETTINGS frame from the peer"},
      {settings + request_bytes(1), WireError::kProtocol,
       "the peer sent a frame of type 16 on its control stream"},
      {settings + frame_bytes(FrameType::kEvent, ""), WireError::kProtocol,
       "the peer sent a frame of type 32 on its control stream"},
      {frame_bytes(FrameType::kSettings, std::string(16 * 1024 + 1, '\1')), WireError::kLimit,
       "a frame of type 0 with 16385 bytes is over the limit of 16384"},
  };
  for (const Case& test : cases) {
    transport.closes.clear();
    connect();
    receive(kPeerControl, varint_bytes({0}) + test.bytes);
    expect_closed(test.code, test.reason);
  }
}

TEST_F(SessionTest, TakesAControlFrameAtTheLimit) {
  connect();
  std::string payload = varint_bytes({0x20, 0, 0x20, 1});
  while (payload.size() < limits.max_control_frame_bytes) payload += varint_bytes({0x70, 1});
  ASSERT_EQ(payload.size(), limits.max_control_frame_bytes);
  receive(kPeerControl, varint_bytes({0}) + frame_bytes(FrameType::kSettings, payload));
  EXPECT_TRUE(transport.closes.empty());
}

TEST_F(SessionTest, TheControlStreamMayNotEndBeResetOrBeRefused) {
  connect_with_settings();
  receive(kPeerControl, "", true);
  expect_closed(WireError::kProtocol, "the peer ended its control stream");
  transport.closes.clear();
  connect_with_settings();
  reset(kPeerControl, WireError::kNone);
  expect_closed(WireError::kProtocol, "the peer reset its control stream");
  transport = {};
  connect_with_settings();
  stop(kOurControl, WireError::kNone);
  expect_closed(WireError::kProtocol, "the peer refused the control stream");
}

TEST_F(SessionTest, ASecondControlStreamClosesTheConnection) {
  connect_with_settings();
  receive(kPeerStream, varint_bytes({0}));
  expect_closed(WireError::kProtocol, "the peer opened a second control stream");
}

TEST_F(SessionTest, AfterAnErrorOfThePeerNothingThatStillArrivesCounts) {
  connect_with_settings();
  receive(kPeerStream, varint_bytes({0}));
  receive(kPeerCall, request_bytes(1) + message_bytes("x"), true);
  receive(StreamId{11}, varint_bytes({0}));
  reset(kPeerControl, WireError::kNone);
  session->handle_datagram(executor.now(), as_bytes("x"));
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_EQ(session->stats().datagrams_dropped, 0u);
  EXPECT_EQ(transport.closes.size(), 1u);
}

TEST_F(SessionTest, WhatStillArrivesForACallOfOursThatIsOverIsDropped) {
  connect_with_settings();
  start().release();
  session->handle_stream_closed(kOurCall);
  receive(kOurCall, request_bytes(1));
  reset(kOurCall, WireError::kCancelled);
  stop(kOurCall, WireError::kCancelled);
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_EQ(transport.streams[kOurCall].consumed, request_bytes(1).size());
  EXPECT_FALSE(session->has_calls());
}

// ---- Floods

TEST_F(SessionTest, TooManyCancelledCallsInASecondCloseTheSessionWhicheverWayTheyEnd) {
  limits.max_cancelled_calls_per_second = 10;
  using Cancel = void (*)(SessionTest&, StreamId);
  const Cancel ways[] = {
      [](SessionTest& test, StreamId id) { test.reset(id, WireError::kCancelled); },
      [](SessionTest& test, StreamId id) {
        test.receive(id, request_bytes(1));
        test.reset(id, WireError::kCancelled);
      },
      [](SessionTest& test, StreamId id) {
        test.receive(id, request_bytes(1));
        test.stop(id, WireError::kCancelled);
        test.reset(id, WireError::kCancelled);
      },
      // Making us refuse is as cheap (CVE-2025-8671).
      [](SessionTest& test, StreamId id) { test.receive(id, request_bytes(1) + request_bytes(1)); },
      [](SessionTest& test, StreamId id) { test.stop(id, WireError::kCancelled); },
  };
  for (const Cancel cancel : ways) {
    transport.closes.clear();
    connect_with_settings();
    std::int64_t id = 1;
    for (int i = 0; i < 10; ++i, id += 4) cancel(*this, StreamId{id});
    executor.advance(1s);
    for (int i = 0; i < 10; ++i, id += 4) cancel(*this, StreamId{id});
    EXPECT_TRUE(transport.closes.empty()) << "the limit within each second";
    cancel(*this, StreamId{id});
    expect_closed(WireError::kLimit, "too many calls cancelled");
    for (CallStream* call : observer.calls) call->release();
    observer.calls.clear();
  }
}

TEST_F(SessionTest, CallsThatWeAnswerEarlyDoNotCountAsCancelled) {
  limits.max_cancelled_calls_per_second = 10;
  observer.on_call = [](CallStream& call) {
    call.send_status({Status(StatusCode::kUnimplemented, "no"), {}});
    call.release();
  };
  connect_with_settings();
  for (std::int64_t id = 1; id < 400; id += 4) {
    receive(StreamId{id}, request_bytes(1));
    // The peer's connection obeys our STOP_SENDING.
    reset(StreamId{id}, WireError::kNone);
    session->handle_stream_closed(StreamId{id});
  }
  EXPECT_TRUE(transport.closes.empty());
  EXPECT_FALSE(session->has_calls());
}

TEST_F(SessionTest, AStreamIdFarAheadCostsOneCallOnlyS03) {
  connect_with_settings();
  receive(StreamId{(std::int64_t{1} << 62) - 3}, request_bytes(1));
  EXPECT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(session->stats().calls_received, 1u);
  observer.calls[0]->release();
}

// ---- GOAWAY

TEST_F(SessionTest, DrainingSendsOneGoawayAndRefusesNewCallsOfBothSides) {
  connect_with_settings();
  receive(StreamId{1}, request_bytes(1));
  CallStream& ours = start();
  session->drain();
  session->drain();
  const auto frames = read_frames(BytesView(transport.streams[kOurControl].written).subspan(1));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[2].type, static_cast<std::uint64_t>(FrameType::kGoaway));
  EXPECT_EQ(session->start_call(rpc_method(), {}).error().code(), StatusCode::kUnavailable);
  receive(StreamId{5}, request_bytes(1));
  EXPECT_EQ(transport.streams[StreamId{5}].resets, std::vector{WireError::kRefused});
  EXPECT_EQ(transport.streams[StreamId{5}].stops, std::vector{WireError::kRefused});
  EXPECT_EQ(observer.calls.size(), 1u);
  // Those that run go on.
  receive(StreamId{1}, message_bytes("m"));
  EXPECT_TRUE(observer.calls[0]->take_message());
  receive(kOurCall, status_bytes({}), true);
  EXPECT_TRUE(ours.end()->status.is_ok());
  EXPECT_TRUE(session->has_calls());
  ours.release();
  observer.calls[0]->send_status({});
  observer.calls[0]->release();
  EXPECT_FALSE(session->has_calls());
}

TEST_F(SessionTest, DrainedBeforeItConnectedItStillSendsGoaway) {
  session = std::make_unique<Session>(executor, transport, observer, limits, 5);
  session->drain();
  session->handle_connected();
  const auto frames = read_frames(BytesView(transport.streams[kOurControl].written).subspan(1));
  EXPECT_EQ(frames.back().type, static_cast<std::uint64_t>(FrameType::kGoaway));
}

TEST_F(SessionTest, APeersGoawayIsToldOnceAndStopsNewCalls) {
  connect_with_settings();
  receive(kPeerControl, frame_bytes(FrameType::kGoaway, "") + frame_bytes(FrameType::kGoaway, "x"));
  EXPECT_EQ(observer.draining, 1);
  EXPECT_TRUE(session->peer_is_draining());
  EXPECT_EQ(session->start_call(rpc_method(), {}).error(),
            Status(StatusCode::kUnavailable, "the peer is shutting down"));
  EXPECT_EQ(session->emit(event_method(), {}, {}).code(), StatusCode::kUnavailable);
}

// The two travel on different streams.
TEST_F(SessionTest, ARefusalSaysWhatTheGoawaySaysThatItMayOvertake) {
  connect_with_settings();
  CallStream& refused = start();
  CallStream& cancelled = start();
  reset(cancelled.id(), WireError::kCancelled);
  EXPECT_FALSE(cancelled.is_refused());
  EXPECT_FALSE(session->peer_is_draining());
  reset(refused.id(), WireError::kRefused);
  EXPECT_TRUE(refused.is_refused());
  EXPECT_TRUE(session->peer_is_draining());
  receive(kPeerControl, frame_bytes(FrameType::kGoaway, ""));
  EXPECT_EQ(observer.draining, 1);
  refused.release();
  cancelled.release();
}

// ---- The end of the session

TEST_F(SessionTest, EveryCallEndsOnceWithTheSessionAndOnesAnsweredKeepTheirStatus) {
  connect_with_settings();
  transport.bidirectional_credit = 2;
  CallStream& open = start();
  CallStream& answered_call = start();
  CallStream& waiting = start();
  receive(StreamId{4}, message_bytes("m") + status_bytes(Status(StatusCode::kAborted, "no")), true);
  receive(StreamId{1}, request_bytes(1));
  receive(StreamId{5}, "\x10");
  CallWatch watch;
  waiting.set_observer(&watch);
  session->handle_closed(Status(StatusCode::kUnavailable, "gone"));
  session->handle_closed(Status(StatusCode::kInternal, "again"));
  EXPECT_EQ(watch.changes, 1);
  EXPECT_EQ(open.end()->status, Status(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(waiting.end()->status, Status(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(observer.calls[0]->end()->status, Status(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(answered_call.take_message()->message.text(), "m");
  EXPECT_EQ(answered_call.end()->status.code(), StatusCode::kAborted);
  EXPECT_EQ(session->start_call(rpc_method(), {}).error().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(session->is_open());
  for (CallStream* call : {&open, &answered_call, &waiting, observer.calls[0]}) call->release();
  EXPECT_FALSE(session->has_calls());
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(SessionTest, FramesUnderWayWhenTheSessionClosesLeaveNoTimer) {
  connect_with_settings();
  CallStream& call = start(stream_method(Delivery::kExpiring, 10s));
  EXPECT_TRUE(call.send_frame(executor.now(), {}, Buffer::copy("x")).is_ok());
  EXPECT_EQ(executor.armed_timers(), 1u);
  session->handle_closed(Status(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(executor.armed_timers(), 0u);
  EXPECT_EQ(call.sender_stats().expired, 1u);
  call.release();
}

}  // namespace
}  // namespace echostream::core
