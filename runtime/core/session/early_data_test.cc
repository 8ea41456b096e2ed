// Calls before the handshake is complete (docs/protocol.md 2.1): as the client, what goes out and
// what waits; as the server, what is acted upon and what is held.
#include "tests/support/session_fixture.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kIdempotent = 100;
constexpr std::uint64_t kOnce = 101;

MethodInfo idempotent_method() {
  MethodInfo method = rpc_method(kIdempotent);
  method.idempotent = true;
  return method;
}

class EarlyDataTest : public SessionFixture {
 protected:
  EarlyDataTest() {
    session = std::make_unique<Session>(executor, transport, observer, limits, 5);
    observer.early_method = kIdempotent;
  }
  // What the connection does when the server took no early data.
  void reject() {
    transport.streams.clear();
    session->handle_early_data_rejected();
  }
  core::RequestFrame request_on(StreamId id) {
    const auto frames = sent(id);
    EXPECT_FALSE(frames.empty());
    return core::parse_request(as_bytes(frames.at(0).payload)).value();
  }
};

TEST_F(EarlyDataTest, OnlyIdempotentRpcsGoOut) {
  session->handle_early_data_allowed();
  CallStream& plain = start(rpc_method(kOnce));
  CallStream& stream = start(stream_method(Delivery::kReliable));
  CallStream& early = start(idempotent_method());
  EXPECT_FALSE(plain.id().is_valid());
  EXPECT_FALSE(stream.id().is_valid());
  ASSERT_TRUE(early.id().is_valid());
  ASSERT_TRUE(early.send_message(Buffer::copy("question"), true).is_ok());
  EXPECT_EQ(sent(early.id()).size(), 2u);
  EXPECT_EQ(transport.streams.size(), 1u);
  EXPECT_FALSE(session->events_writable(3));
  EXPECT_EQ(session->emit(event_method(), {}, {}).code(), StatusCode::kUnavailable);

  session->handle_connected();
  EXPECT_TRUE(plain.id().is_valid());
  EXPECT_TRUE(stream.id().is_valid());
  EXPECT_TRUE(session->events_writable(3));
  EXPECT_EQ(sent(early.id()).size(), 2u) << "what was taken is not sent again";
  for (CallStream* call : {&plain, &stream, &early}) call->release();
}

TEST_F(EarlyDataTest, NothingGoesOutUnlessItIsAllowed) {
  CallStream& call = start(idempotent_method());
  EXPECT_FALSE(call.id().is_valid());
  EXPECT_TRUE(transport.streams.empty());
  call.release();
}

TEST_F(EarlyDataTest, RejectedCallsAreSentAgainInTheirOrderBeforeThoseThatWaited) {
  session->handle_early_data_allowed();
  CallStream& waiting = start(rpc_method(kOnce));
  std::vector<CallStream*> early;
  for (int i = 0; i < 20; ++i) {
    early.push_back(&start(idempotent_method(), 100ms));
    ASSERT_TRUE(early.back()->send_message(Buffer::copy(std::to_string(i)), true).is_ok());
  }
  executor.advance(30ms);
  reject();
  for (CallStream* call : early) EXPECT_FALSE(call->id().is_valid());
  session->handle_connected();
  StreamId last = kOurCall;
  for (int i = 0; i < 20; ++i) {
    const StreamId id = early[static_cast<std::size_t>(i)]->id();
    ASSERT_TRUE(id.is_valid());
    EXPECT_GT(id, last);
    last = id;
    const auto frames = sent(id);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[1].payload, std::to_string(i));
    EXPECT_TRUE(transport.streams[id].fin);
    EXPECT_EQ(request_on(id).timeout, 70ms) << "the deadline is time left";
  }
  EXPECT_GT(waiting.id(), last);
  // The answers come as ever.
  receive(early[0]->id(), message_bytes("answer") + status_bytes(Status::ok()), true);
  EXPECT_EQ(early[0]->take_message()->message.text(), "answer");
  EXPECT_TRUE(early[0]->end());
  for (CallStream* call : early) call->release();
  waiting.release();
}

TEST_F(EarlyDataTest, ACallThatWasGivenUpIsNotSentAgain) {
  session->handle_early_data_allowed();
  CallStream& released = start(idempotent_method());
  released.release();
  CallStream& cancelled = start(idempotent_method());
  cancelled.cancel(WireError::kCancelled);
  CallStream& kept = start(idempotent_method());
  reject();
  session->handle_connected();
  EXPECT_TRUE(kept.id().is_valid());
  EXPECT_EQ(transport.streams.size(), 2u) << "the control stream, and one call";
  cancelled.release();
  kept.release();
  EXPECT_FALSE(session->has_calls());
}

TEST_F(EarlyDataTest, WithoutCreditEarlyCallsWaitForTheHandshake) {
  session->handle_early_data_allowed();
  transport.bidirectional_credit = 1;
  CallStream& first = start(idempotent_method());
  CallStream& second = start(idempotent_method());
  EXPECT_TRUE(first.id().is_valid());
  EXPECT_FALSE(second.id().is_valid());
  transport.bidirectional_credit = 10;
  session->handle_connected();
  EXPECT_TRUE(second.id().is_valid());
  first.release();
  second.release();
}

TEST_F(EarlyDataTest, CallsEndWithASessionThatNeverOpens) {
  session->handle_early_data_allowed();
  CallStream& early = start(idempotent_method());
  CallStream& waiting = start(rpc_method(kOnce));
  session->handle_closed(Status(StatusCode::kUnavailable, "no answer"));
  EXPECT_EQ(early.end()->status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(waiting.end()->status.code(), StatusCode::kUnavailable);
  early.release();
  waiting.release();
  EXPECT_FALSE(session->has_calls());
}

// ---- The other end.

TEST_F(EarlyDataTest, IdempotentCallsAreActedUponAtOnce) {
  receive(kPeerCall, request_bytes(kIdempotent) + message_bytes("question"), true);
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(observer.calls[0]->take_message()->message.text(), "question");
  observer.calls[0]->send_status({});
  EXPECT_TRUE(answered(kPeerCall)->status.is_ok());
  observer.calls[0]->release();
  session->handle_connected();
  EXPECT_EQ(observer.calls.size(), 1u);
}

TEST_F(EarlyDataTest, OtherCallsAreHeldUntilTheHandshakeIsComplete) {
  receive(kPeerCall, request_bytes(kOnce) + message_bytes("question"), true);
  EXPECT_TRUE(observer.calls.empty());
  session->handle_connected();
  ASSERT_EQ(observer.calls.size(), 1u);
  EXPECT_EQ(observer.requests[0].method_id, kOnce);
  EXPECT_EQ(observer.calls[0]->take_message()->message.text(), "question");
  observer.calls[0]->release();
}

TEST_F(EarlyDataTest, AHeldCallThatItsCallerGaveUpIsForgotten) {
  receive(kPeerCall, request_bytes(kOnce));
  reset(kPeerCall, WireError::kCancelled);
  session->handle_stream_closed(kPeerCall);
  EXPECT_TRUE(session->has_calls());
  session->handle_connected();
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_FALSE(session->has_calls());
}

TEST_F(EarlyDataTest, HeldCallsGoWithASessionThatNeverOpens) {
  receive(kPeerCall, request_bytes(kOnce) + message_bytes("question"));
  session->handle_closed(Status(StatusCode::kUnavailable, "no answer"));
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_FALSE(session->has_calls());
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(EarlyDataTest, SixteenCallsAreHeldAndTheNextIsRefused) {
  for (std::int64_t i = 0; i < 17; ++i) {
    receive(StreamId{1 + 4 * i}, request_bytes(kOnce) + message_bytes("x"), true);
  }
  EXPECT_FALSE(answered(StreamId{1 + 4 * 15}));
  ASSERT_TRUE(answered(StreamId{1 + 4 * 16}));
  EXPECT_EQ(answered(StreamId{1 + 4 * 16})->status.code(), StatusCode::kResourceExhausted);
  session->handle_connected();
  EXPECT_EQ(observer.calls.size(), 16u);
  for (CallStream* call : observer.calls) call->release();
}

TEST_F(EarlyDataTest, AnythingButACallEndsTheConnection) {
  receive(StreamId{3}, varint_bytes({1}) + event_bytes(300, "x"));
  EXPECT_TRUE(observer.events.empty());
  expect_closed(WireError::kProtocol, "the peer sent early data that is not a call");
}

TEST_F(EarlyDataTest, DatagramsAreDropped) {
  session->handle_datagram(executor.now(), as_bytes("whatever it may be"));
  EXPECT_EQ(session->stats().datagrams_dropped, 1u);
  EXPECT_EQ(session->held_bytes(), 0u);
}

}  // namespace
}  // namespace echostream::testing
