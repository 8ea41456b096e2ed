// One call against the bytes of a peer that need not be ours.
#include "runtime/core/session/call_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/session_fixture.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;

class CallStreamTest : public SessionFixture {};

// ---- Our calls

TEST_F(CallStreamTest, ACallIsRequestAndMessageOnAStreamOfItsOwn) {
  connect_with_settings();
  CallStream& call = start(rpc_method(), 250ms);
  EXPECT_TRUE(call.send_message(Buffer::copy("hello"), true).is_ok());
  EXPECT_EQ(as_text(transport.streams[kOurCall].written),
            request_bytes(100, 250ms) + message_bytes("hello"));
  EXPECT_TRUE(transport.streams[kOurCall].fin);
  EXPECT_TRUE(session->has_calls());
  receive(kOurCall,
          frame_bytes(FrameType::kResponse, "\1\1k\1v") + message_bytes("world") +
              status_bytes(Status(), {{"t", "x"}}),
          true);
  EXPECT_EQ(call.response_metadata().find("k"), "v");
  EXPECT_FALSE(call.end()) << "the message is still to be read";
  EXPECT_EQ(call.take_message()->message.text(), "world");
  ASSERT_TRUE(call.end());
  EXPECT_TRUE(call.end()->status.is_ok());
  EXPECT_EQ(call.end()->metadata.find("t"), "x");
  call.release();
  EXPECT_FALSE(session->has_calls());
  EXPECT_TRUE(transport.streams[kOurCall].resets.empty());
  EXPECT_TRUE(transport.streams[kOurCall].stops.empty());
  session->handle_stream_closed(kOurCall);
}

// ---- Calls that come whole

TEST_F(CallStreamTest, AWholeCallIsWhatItsFramesWouldBe) {
  connect_with_settings();
  for (const StreamId id : {StreamId{1}, StreamId{5}}) {
    if (id == StreamId{1}) {
      receive(id, request_bytes(7, 100ms) + message_bytes("hello"), true);
    } else {
      RequestFrame request;
      request.method_id = 7;
      request.timeout = 100ms;
      session->handle_whole_call(executor.now(), id, request, Buffer::copy("hello"));
    }
    CallStream& call = *observer.calls.back();
    EXPECT_EQ(call.id(), id);
    EXPECT_EQ(call.take_message()->message.text(), "hello");
    EXPECT_TRUE(call.receive_ended());
    EXPECT_FALSE(call.take_message());
    EXPECT_TRUE(call.send_message(Buffer::copy("world"), false).is_ok());
    call.send_status({});
    EXPECT_EQ(as_text(transport.streams[id].written), message_bytes("world") + status_bytes({}));
    EXPECT_TRUE(transport.streams[id].fin);
    EXPECT_TRUE(transport.streams[id].stops.empty());
    call.release();
    session->handle_stream_closed(id);
  }
  EXPECT_EQ(session->stats().calls_received, 2u);
  EXPECT_FALSE(session->has_calls());
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(CallStreamTest, AWholeCallIsRefusedAsItsFramesWouldBe) {
  limits.max_message_bytes = 10;
  limits.max_metadata_bytes = 100;
  connect_with_settings();
  RequestFrame request;
  request.method_id = 7;
  session->handle_whole_call(executor.now(), StreamId{1}, request, Buffer::copy("eleven bytes"));
  const auto too_long = read_frames(transport.streams[StreamId{1}].written);
  ASSERT_EQ(too_long.size(), 1u);
  EXPECT_EQ(parse_status(as_bytes(too_long[0].payload))->status.code(),
            StatusCode::kResourceExhausted);
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_FALSE(observer.calls[0]->take_message());
  observer.calls[0]->release();

  request.metadata = Metadata{{"key", std::string(200, 'v')}};
  session->handle_whole_call(executor.now(), StreamId{5}, request, Buffer());
  EXPECT_EQ(observer.calls.size(), 1u);
  EXPECT_TRUE(transport.streams[StreamId{5}].fin);

  session->drain();
  session->handle_whole_call(executor.now(), StreamId{9}, {}, Buffer());
  EXPECT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(transport.streams[StreamId{9}].resets, std::vector{WireError::kRefused});
}

TEST_F(CallStreamTest, CallsWaitForStreamCreditAndOpenInOrder) {
  transport.bidirectional_credit = 0;
  connect_with_settings();
  CallStream& first = start(rpc_method(1));
  CallStream& second = start(rpc_method(2));
  EXPECT_TRUE(second.send_message(Buffer::copy("m"), true).is_ok());
  EXPECT_FALSE(first.id().is_valid());
  EXPECT_FALSE(first.is_writable());
  EXPECT_EQ(first.send_frame(executor.now(), {}, {}).code(), StatusCode::kFailedPrecondition);
  transport.bidirectional_credit = 1;
  session->handle_streams_available(executor.now());
  EXPECT_EQ(first.id(), kOurCall);
  EXPECT_FALSE(second.id().is_valid());
  transport.bidirectional_credit = 5;
  // A third may not overtake the second.
  CallStream& third = start(rpc_method(3));
  EXPECT_EQ(second.id(), StreamId{4});
  EXPECT_EQ(third.id(), StreamId{8});
  EXPECT_EQ(as_text(transport.streams[StreamId{4}].written), request_bytes(2) + message_bytes("m"));
  for (CallStream* call : {&first, &second, &third}) call->release();
}

TEST_F(CallStreamTest, ACallThatWaitedSendsTheTimeThatIsLeft) {
  transport.bidirectional_credit = 0;
  connect_with_settings();
  CallStream& call = start(rpc_method(), 100ms);
  CallStream& late = start(rpc_method(), 10ms);
  executor.advance(30ms);
  transport.bidirectional_credit = 2;
  session->handle_streams_available(executor.now());
  EXPECT_EQ(as_text(transport.streams[StreamId{0}].written), request_bytes(100, 70ms));
  EXPECT_EQ(as_text(transport.streams[StreamId{4}].written), request_bytes(100, 1us));
  call.release();
  late.release();
}

TEST_F(CallStreamTest, ACallCancelledWhileItWaitsNeverReachesThePeer) {
  transport.bidirectional_credit = 0;
  connect_with_settings();
  CallStream& cancelled = start(rpc_method(1));
  CallStream& released = start(rpc_method(2));
  CallStream& kept = start(rpc_method(3));
  cancelled.cancel(WireError::kCancelled);
  released.release();
  transport.bidirectional_credit = 3;
  session->handle_streams_available(executor.now());
  EXPECT_EQ(kept.id(), kOurCall);
  EXPECT_EQ(as_text(transport.streams[kOurCall].written), request_bytes(3));
  EXPECT_EQ(transport.bidirectional_credit, 2u);
  EXPECT_EQ(cancelled.end()->status.code(), StatusCode::kCancelled);
  cancelled.release();
  kept.release();
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, AsManyCallsWaitAsTheLimitSaysAndReleasedOnesMakeRoom) {
  limits.max_waiting_calls = 3;
  transport.bidirectional_credit = 0;
  connect_with_settings();
  std::vector<CallStream*> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(&start());
  auto fourth = session->start_call(rpc_method(), {});
  ASSERT_FALSE(fourth.has_value());
  EXPECT_EQ(fourth.error(), Status(StatusCode::kResourceExhausted,
                                   "3 calls wait already for the peer's permission"));
  calls[1]->release();
  calls[1] = &start();
  EXPECT_FALSE(session->start_call(rpc_method(), {}).has_value());
  for (CallStream* call : calls) call->release();
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, WithoutRoomToWaitACallStillOpensWhenThereIsCredit) {
  limits.max_waiting_calls = 0;
  transport.bidirectional_credit = 1;
  connect_with_settings();
  start().release();
  EXPECT_FALSE(session->start_call(rpc_method(), {}).has_value());
}

TEST_F(CallStreamTest, RefusesToSendWhatThePeerDoesNotTake) {
  connect();
  SettingsFrame settings;
  settings.max_message_bytes = 10;
  settings.max_metadata_bytes = 40;
  receive(kPeerControl, varint_bytes({0}) + settings_bytes(settings));
  EXPECT_TRUE(session->start_call(rpc_method(), {1, {}, {{"k", "1234567"}}}).has_value());
  EXPECT_EQ(session->start_call(rpc_method(), {1, {}, {{"k", "12345678"}}}).error().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(session->start_call(rpc_method(), {1, {}, {{"K", ""}}}).error().code(),
            StatusCode::kInvalidArgument);
  CallStream& call = start();
  EXPECT_EQ(call.send_message(Buffer::copy("12345678901"), true).code(),
            StatusCode::kResourceExhausted);
  EXPECT_TRUE(call.send_message(Buffer::copy("1234567890"), false).is_ok());
  EXPECT_EQ(call.send_frame(executor.now(), {}, Buffer::copy("12345678901")).code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(session->emit(event_method(), {}, Buffer::copy("12345678901")).code(),
            StatusCode::kResourceExhausted);
  EXPECT_TRUE(session->emit(event_method(), {}, Buffer::copy("1234567890")).is_ok());
}

TEST_F(CallStreamTest, AReplyOverOurLimitIsRefusedBeforeItIsHeldR01) {
  limits.max_message_bytes = 100;
  connect_with_settings();
  CallStream& call = start();
  EXPECT_TRUE(call.send_message({}, true).is_ok());
  receive(kOurCall, varint_bytes({0x12, 101}));
  ASSERT_TRUE(call.end());
  EXPECT_EQ(call.end()->status,
            Status(StatusCode::kResourceExhausted,
                   "a frame of type 18 with 101 bytes is over the limit of 100"));
  EXPECT_EQ(transport.streams[kOurCall].stops, std::vector{WireError::kLimit});
  EXPECT_EQ(session->held_bytes(), 0u);
  call.release();
}

TEST_F(CallStreamTest, ARequestOverOurLimitIsAnsweredBeforeItIsHeldR01) {
  limits.max_message_bytes = 100;
  connect_with_settings();
  receive(kPeerCall, request_bytes(1) + message_bytes(std::string(100, 'x')));
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_TRUE(observer.calls[0]->has_message());
  receive(kPeerCall, varint_bytes({0x12, 101}) + "x");
  const auto answer = answered(kPeerCall);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status.code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(transport.streams[kPeerCall].fin);
  EXPECT_TRUE(transport.streams[kPeerCall].resets.empty()) << "a reset would drop the status";
  EXPECT_EQ(transport.streams[kPeerCall].stops, std::vector{WireError::kLimit});
  EXPECT_EQ(session->held_bytes(), 0u);
  observer.calls[0]->release();
}

// ---- What a call's stream may not carry

TEST_F(CallStreamTest, APeersCallThatBreaksTheRulesIsAnsweredWithWhatIsWrong) {
  struct Case {
    std::string bytes;
    bool fin;
    StatusCode code;
    std::string_view message;
  };
  const std::string request = request_bytes(1);
  const Case cases[] = {
      {message_bytes("m"), false, StatusCode::kInternal,
       "the peer sent a frame of type 18 where none is allowed"},
      {request + request, false, StatusCode::kInternal,
       "the peer sent a frame of type 16 where none is allowed"},
      {request + status_bytes({}), false, StatusCode::kInternal,
       "the peer sent a frame of type 21 where none is allowed"},
      {request + frame_bytes(FrameType::kResponse, "\0"), false, StatusCode::kInternal,
       "the peer sent a frame of type 17 where none is allowed"},
      {request + frame_bytes(FrameType::kSettings, ""), false, StatusCode::kInternal,
       "the peer sent a frame of type 0 where none is allowed"},
      {request + frame_bytes(FrameType::kEnd, ""), false, StatusCode::kInternal,
       "malformed END frame from the peer"},
      {request + frame_bytes(FrameType::kTimedMessage, "\1"), false, StatusCode::kInternal,
       "malformed TIMED_MESSAGE frame from the peer"},
      {request + frame_bytes(FrameType::kTimedMessage, "\5\1") +
           frame_bytes(FrameType::kTimedMessage, "\5\1"),
       false, StatusCode::kInternal,
       "the peer sent the frame with sequence number 5 behind that with 5"},
      {frame_bytes(FrameType::kRequest, "\1"), false, StatusCode::kInternal,
       "malformed REQUEST frame from the peer"},
      {"", true, StatusCode::kInternal, "the peer ended the call without a request"},
      {"\x40", true, StatusCode::kInternal, "the peer ended the call inside a frame"},
      {request + "\x12\x05hell", true, StatusCode::kInternal,
       "the peer ended the call inside a frame"},
      {varint_bytes({0x10, 8 * 1024 + 65}), false, StatusCode::kResourceExhausted,
       "a frame of type 16 with 8257 bytes is over the limit of 8256"},
  };
  std::int64_t next = kPeerCall.value;
  connect_with_settings();
  for (const Case& test : cases) {
    const StreamId id{next};
    next += 4;
    receive(id, test.bytes, test.fin);
    const auto answer = answered(id);
    ASSERT_TRUE(answer) << test.message;
    EXPECT_EQ(answer->status, Status(test.code, std::string(test.message)));
    EXPECT_TRUE(transport.streams[id].resets.empty());
    EXPECT_EQ(transport.streams[id].consumed, test.bytes.size());
  }
  EXPECT_TRUE(transport.closes.empty()) << "the session goes on";
  for (CallStream* call : observer.calls) {
    EXPECT_TRUE(call->end()) << "its handler hears of it";
    call->release();
  }
  for (std::int64_t id = kPeerCall.value; id < next; id += 4) {
    session->handle_stream_closed(StreamId{id});
  }
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, AnAnswerThatBreaksTheRulesEndsTheCallWithWhatIsWrong) {
  struct Case {
    std::string bytes;
    bool fin;
    std::string_view message;
    bool is_reset;
  };
  const Case cases[] = {
      {request_bytes(1), false, "the peer sent a frame of type 16 where none is allowed", true},
      {frame_bytes(FrameType::kEvent, ""), false,
       "the peer sent a frame of type 32 where none is allowed", true},
      {frame_bytes(FrameType::kStatus, "\1"), false, "malformed STATUS frame from the peer", true},
      {frame_bytes(FrameType::kResponse, "\5"), false, "malformed RESPONSE frame from the peer",
       true},
      {"", true, "the peer ended the call without a status", false},
      {"\x15", true, "the peer ended the call inside a frame", false},
  };
  connect_with_settings();
  for (const Case& test : cases) {
    CallStream& call = start();
    EXPECT_TRUE(call.send_message({}, true).is_ok());
    const StreamId id = call.id();
    receive(id, test.bytes, test.fin);
    ASSERT_TRUE(call.end()) << test.message;
    EXPECT_EQ(call.end()->status, Status(StatusCode::kInternal, std::string(test.message)));
    EXPECT_EQ(transport.streams[id].resets.empty(), !test.is_reset) << test.message;
    call.release();
    session->handle_stream_closed(id);
  }
  EXPECT_TRUE(transport.closes.empty());
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, UnknownFramesOnACallAreSkipped) {
  connect_with_settings();
  receive(kPeerCall, frame_bytes(reserved_number(0), "x") + request_bytes(1) +
                         frame_bytes(0x2b, "later") + message_bytes("m"));
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(observer.calls[0]->take_message()->message.text(), "m");
  observer.calls[0]->release();
}

TEST_F(CallStreamTest, WhatFollowsAStatusIsIgnoredHoweverItIsCut) {
  const std::string bytes = message_bytes("m") + status_bytes(Status(StatusCode::kAborted, "no")) +
                            message_bytes("late") + "\x12";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    connect_with_settings();
    CallStream& call = start();
    const StreamId id = call.id();
    receive(id, std::string_view(bytes).substr(0, cut));
    receive(id, std::string_view(bytes).substr(cut), true);
    EXPECT_EQ(call.take_message()->message.text(), "m");
    ASSERT_TRUE(call.end());
    EXPECT_EQ(call.end()->status.code(), StatusCode::kAborted) << cut;
    EXPECT_FALSE(call.take_message());
    call.release();
  }
}

TEST_F(CallStreamTest, MetadataOverOurLimitIsRefusedInEveryFrame) {
  limits.max_metadata_bytes = 100;
  connect_with_settings();
  const Metadata fits{{"key", std::string(65, 'v')}};
  const Metadata over{{"key", std::string(66, 'v')}};
  receive(StreamId{1}, request_bytes(1, {}, fits));
  receive(StreamId{5}, request_bytes(1, {}, over));
  EXPECT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(answered(StreamId{5})->status.code(), StatusCode::kResourceExhausted);
  observer.calls[0]->release();
  const auto end_of = [&](const std::string& bytes) {
    CallStream& call = start();
    receive(call.id(), bytes);
    const auto end = call.end();
    call.release();
    return end ? end->status.code() : StatusCode::kOk;
  };
  const auto response = [](const Metadata& metadata) {
    ByteWriter out;
    write_response(out, metadata);
    return frame_bytes(FrameType::kResponse, as_text(out.bytes()));
  };
  EXPECT_EQ(end_of(response(fits)), StatusCode::kOk);
  EXPECT_EQ(end_of(response(over)), StatusCode::kResourceExhausted);
  EXPECT_EQ(end_of(status_bytes({}, fits)), StatusCode::kOk);
  EXPECT_EQ(end_of(status_bytes({}, over)), StatusCode::kResourceExhausted);
}

TEST_F(CallStreamTest, AnswersWithMetadataThatThePeerTakesOrSaysWhyNot) {
  connect();
  SettingsFrame settings;
  settings.max_metadata_bytes = 40;
  receive(kPeerControl, varint_bytes({0}) + settings_bytes(settings));
  observer.on_call = [&](CallStream& call) {
    if (call.id() == StreamId{1}) call.send_response({{"k", "too long a value"}});
    if (call.id() == StreamId{5}) call.send_status({Status(), {{"k", "too long a value"}}});
    if (call.id() == StreamId{9}) {
      call.send_status({Status(StatusCode::kAborted, "no"), {{"BAD KEY", ""}}});
    }
    if (call.id() == StreamId{13}) call.send_status({Status(), {{"k", "short"}}});
    call.release();
  };
  for (const std::int64_t id : {1, 5, 9, 13}) receive(StreamId{id}, request_bytes(1));
  EXPECT_EQ(answered(StreamId{1})->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(answered(StreamId{5})->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(answered(StreamId{9})->status, Status(StatusCode::kAborted, "no"));
  EXPECT_TRUE(answered(StreamId{9})->metadata.empty());
  EXPECT_EQ(answered(StreamId{13})->metadata.find("k"), "short");
}

TEST_F(CallStreamTest, AStatusOfAnyLengthIsTakenByAnotherSession) {
  connect_with_settings();
  CallStream& call = start();
  receive(call.id(),
          status_bytes(fit_for_wire(Status(StatusCode::kInternal, std::string(500'000, 'e')))),
          true);
  EXPECT_EQ(call.end()->status.code(), StatusCode::kInternal);
  EXPECT_EQ(call.end()->status.message()[0], 'e');
  call.release();
}

// ---- Reading

TEST_F(CallStreamTest, AnInboxAtItsLimitStallsThePeerByFlowControl) {
  limits.max_inbox_messages = 2;
  connect_with_settings();
  CallStream& call = start(stream_method(Delivery::kReliable));
  const std::string message = message_bytes("m");
  receive(kOurCall, message + message + message + message);
  receive(kOurCall, message + status_bytes({}), true);
  EXPECT_EQ(transport.streams[kOurCall].consumed, 2 * message.size());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(call.take_message()) << i;
  EXPECT_EQ(transport.streams[kOurCall].consumed, 5 * message.size() + status_bytes({}).size());
  EXPECT_TRUE(call.end()->status.is_ok());
  call.release();
}

TEST_F(CallStreamTest, ACallThatIsDroppedGivesItsFlowControlCreditBack) {
  limits.max_inbox_messages = 1;
  for (const bool by_peer : {true, false}) {
    transport = {};
    connect_with_settings();
    CallStream& call = start(stream_method(Delivery::kReliable));
    const std::string bytes = message_bytes("m") + message_bytes("n") + message_bytes("o");
    receive(kOurCall, bytes);
    if (by_peer) {
      reset(kOurCall, WireError::kCancelled);
    } else {
      call.cancel(WireError::kCancelled);
    }
    EXPECT_EQ(transport.streams[kOurCall].consumed, bytes.size());
    EXPECT_EQ(session->held_bytes(), 0u);
    call.release();
  }
}

TEST_F(CallStreamTest, WhatAPeerMakesUsHoldOverAllCallsIsBounded) {
  limits.max_session_bytes = 1000;
  connect_with_settings();
  // A message that waits, and one that is incomplete.
  receive(StreamId{1}, request_bytes(1) + message_bytes(std::string(600, 'x')));
  receive(StreamId{5}, request_bytes(1) + varint_bytes({0x12, 5000}) + std::string(400, 'y'));
  EXPECT_EQ(session->held_bytes(), 1000u);
  EXPECT_FALSE(observer.calls[1]->end());
  receive(StreamId{5}, "z");
  ASSERT_TRUE(observer.calls[1]->end());
  EXPECT_EQ(answered(StreamId{5})->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(session->held_bytes(), 600u) << "the other call goes on";
  EXPECT_TRUE(observer.calls[0]->take_message());
  EXPECT_EQ(session->held_bytes(), 0u);
  for (CallStream* call : observer.calls) call->release();
}

TEST_F(CallStreamTest, NoLimitIsNotMistakenForASmallOne) {
  limits.max_message_bytes = UINT64_MAX;
  limits.max_metadata_bytes = UINT64_MAX;
  limits.max_subscriptions = UINT64_MAX;
  limits.max_session_bytes = SIZE_MAX;
  connect_with_settings();
  receive(kPeerCall, request_bytes(1, {}, {{"k", std::string(20'000, 'v')}}) +
                         message_bytes(std::string(3'000'000, 'm')));
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(observer.calls[0]->take_message()->message.size(), 3'000'000u);
  observer.calls[0]->release();
}

// ---- Resets and stops, in every order

TEST_F(CallStreamTest, APeersResetSaysWhyTheCallEnded) {
  const std::pair<WireError, StatusCode> cases[] = {
      {WireError::kNone, StatusCode::kCancelled},
      {WireError::kProtocol, StatusCode::kInternal},
      {WireError::kCancelled, StatusCode::kCancelled},
      {WireError::kStale, StatusCode::kCancelled},
      {WireError::kLimit, StatusCode::kResourceExhausted},
      {WireError::kInternal, StatusCode::kInternal},
      {WireError::kUnknownStreamType, StatusCode::kInternal},
      {static_cast<WireError>(0x3fffffffff), StatusCode::kCancelled},
      {WireError::kRefused, StatusCode::kUnavailable},  // the last: no call follows it
  };
  connect_with_settings();
  for (const auto& [wire, code] : cases) {
    CallStream& call = start();
    reset(call.id(), wire);
    ASSERT_TRUE(call.end());
    EXPECT_EQ(call.end()->status.code(), code);
    EXPECT_EQ(transport.streams[call.id()].resets, std::vector{WireError::kCancelled});
    EXPECT_TRUE(transport.streams[call.id()].stops.empty()) << "there is nothing left to stop";
    call.release();
  }
}

TEST_F(CallStreamTest, AResetBehindTheStatusDoesNotChangeItS10) {
  connect_with_settings();
  CallStream& call = start();
  receive(kOurCall, message_bytes("m") + status_bytes(Status(StatusCode::kAborted, "no")));
  reset(kOurCall, WireError::kCancelled);
  EXPECT_FALSE(call.end());
  EXPECT_EQ(call.take_message()->message.text(), "m");
  EXPECT_EQ(call.end()->status.code(), StatusCode::kAborted);
  call.release();
}

TEST_F(CallStreamTest, AResetBehindTheEndDoesNotChangeItS10) {
  limits.max_inbox_messages = 1;
  connect_with_settings();
  CallStream& call = start();
  receive(kOurCall, message_bytes("m") + status_bytes(Status(StatusCode::kAborted, "no")), true);
  reset(kOurCall, WireError::kCancelled);
  EXPECT_EQ(call.take_message()->message.text(), "m");
  EXPECT_EQ(call.end()->status.code(), StatusCode::kAborted);
  call.release();
}

TEST_F(CallStreamTest, AStatusWithoutItsFinEndsTheCallAndTheStreamIsStoppedS10) {
  connect_with_settings();
  CallStream& call = start();
  EXPECT_TRUE(call.send_message({}, true).is_ok());
  receive(kOurCall, status_bytes({}));
  ASSERT_TRUE(call.end());
  call.release();
  EXPECT_EQ(transport.streams[kOurCall].stops, std::vector{WireError::kNone});
  EXPECT_TRUE(transport.streams[kOurCall].resets.empty());
}

TEST_F(CallStreamTest, AnEmptyFinAfterTheRequestIsTheCallersEndS10) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(1));
  CallStream& call = *observer.calls.at(0);
  EXPECT_FALSE(call.receive_ended());
  receive(kPeerCall, "", true);
  EXPECT_TRUE(call.receive_ended());
  EXPECT_FALSE(call.end()) << "the answer is still to come";
  call.send_status({});
  EXPECT_TRUE(transport.streams[kPeerCall].stops.empty());
  call.release();
}

TEST_F(CallStreamTest, AnAnswerBeforeTheCallersEndStopsTheRestS10) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(1) + message_bytes("m"));
  CallStream& call = *observer.calls.at(0);
  call.send_status({});
  call.release();
  EXPECT_EQ(transport.streams[kPeerCall].stops, std::vector{WireError::kNone});
  EXPECT_TRUE(transport.streams[kPeerCall].resets.empty());
  receive(kPeerCall, message_bytes("more"));
  reset(kPeerCall, WireError::kNone);
  session->handle_stream_closed(kPeerCall);
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, ACallerThatIsStoppedWaitsForTheStatus) {
  connect_with_settings();
  CallStream& call = start(stream_method(Delivery::kReliable));
  stop(kOurCall, WireError::kNone);
  EXPECT_TRUE(call.send_ended());
  EXPECT_TRUE(call.is_writable());
  EXPECT_EQ(call.send_frame(executor.now(), {}, {}).code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(call.end());
  receive(kOurCall, status_bytes(Status(StatusCode::kNotFound, "no")), true);
  EXPECT_EQ(call.end()->status.code(), StatusCode::kNotFound);
  call.release();
  EXPECT_TRUE(transport.streams[kOurCall].stops.empty());
}

TEST_F(CallStreamTest, ACallThatReadsNoMoreGoesOnWhenTheCallerHasStopped) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(1) + message_bytes("m"));
  CallStream& call = *observer.calls.at(0);
  call.stop_receiving();
  reset(kPeerCall, WireError::kCancelled);
  EXPECT_FALSE(call.end()) << "it did what it was asked to do";
  EXPECT_TRUE(call.send_message(Buffer::copy("reply"), false).is_ok());
  stop(kPeerCall, WireError::kCancelled);
  ASSERT_TRUE(call.end()) << "now it has given the call up";
  EXPECT_EQ(call.end()->status.code(), StatusCode::kCancelled);
  call.release();
}

TEST_F(CallStreamTest, ACallerThatStopsReadingHasCancelled) {
  connect_with_settings();
  receive(kPeerCall, request_bytes(1));
  CallStream& call = *observer.calls.at(0);
  CallWatch watch;
  call.set_observer(&watch);
  stop(kPeerCall, WireError::kCancelled);
  ASSERT_TRUE(call.end());
  EXPECT_EQ(call.end()->status.code(), StatusCode::kCancelled);
  EXPECT_EQ(watch.changes, 1);
  EXPECT_EQ(transport.streams[kPeerCall].stops, std::vector{WireError::kCancelled})
      << "what it still sends is not wanted";
  reset(kPeerCall, WireError::kCancelled);
  EXPECT_EQ(watch.changes, 1) << "one end only";
  call.release();
  session->handle_stream_closed(kPeerCall);
  EXPECT_FALSE(session->has_calls());
}

TEST_F(CallStreamTest, AStreamGivenUpBeforeItSaidAnythingIsEndedOnOurSideToo) {
  connect_with_settings();
  reset(StreamId{5}, WireError::kCancelled);
  EXPECT_EQ(transport.streams[StreamId{5}].resets, std::vector{WireError::kCancelled});
  stop(StreamId{9}, WireError::kCancelled);
  EXPECT_EQ(transport.streams[StreamId{9}].stops, std::vector{WireError::kCancelled});
  session->handle_stream_closed(StreamId{5});
  session->handle_stream_closed(StreamId{9});
  EXPECT_FALSE(session->has_calls());
}

}  // namespace
}  // namespace echostream::core
