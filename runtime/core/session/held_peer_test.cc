// A peer whose handshake is complete, and whom the program has not let in yet (docs/protocol.md
// 2.2): what of it is held, how much, and what becomes of it.
#include "runtime/core/frame/clock_report.h"
#include "tests/support/session_fixture.h"

namespace echostream::testing {
namespace {

constexpr std::uint64_t kIdempotent = 100;

class HeldPeer : public SessionFixture {
 protected:
  HeldPeer() { make(); }
  void make() {
    session = std::make_unique<Session>(executor, transport, observer, limits, 5);
    observer.early_method = kIdempotent;
    session->hold_peer();
  }
  static StreamId call(std::int64_t number) { return StreamId{1 + 4 * number}; }
  void release_all() {
    for (CallStream* call : observer.calls) call->release();
  }
};

TEST_F(HeldPeer, NoCallIsActedUponNotEvenAnIdempotentOne) {
  receive(call(0), request_bytes(kIdempotent) + message_bytes("question"), true);
  receive(call(1), request_bytes(101) + message_bytes("more"), true);
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_FALSE(session->is_open());
  session->handle_connected();
  ASSERT_EQ(observer.calls.size(), 2u);
  EXPECT_EQ(observer.calls[0]->take_message()->message.text(), "question");
  EXPECT_EQ(observer.requests[1].method_id, 101u);
  release_all();
}

TEST_F(HeldPeer, NothingIsSent) {
  receive(kPeerControl, varint_bytes({0}) + settings_bytes({}));
  receive(call(0), request_bytes(kIdempotent) + message_bytes("question"), true);
  for (const auto& [id, stream] : transport.streams) EXPECT_TRUE(stream.written.empty());
  session->handle_connected();
  EXPECT_FALSE(sent(kOurControl).empty());
  release_all();
}

TEST_F(HeldPeer, EventsAreLeftUnreadAndComeAfterwards) {
  receive(kPeerControl, varint_bytes({0}) + settings_bytes({}));
  receive(kPeerStream, varint_bytes({1}) + event_bytes(300, "one") + event_bytes(300, "two"));
  EXPECT_TRUE(observer.events.empty());
  session->handle_connected();
  ASSERT_EQ(observer.events.size(), 2u);
  EXPECT_EQ(observer.events[0].second, "one");
  EXPECT_EQ(observer.events[1].second, "two");
}

TEST_F(HeldPeer, ItsSharedClockIsNotListenedTo) {
  core::ByteWriter report;
  core::write_clock_report(report, timing::NodeClockReport{});
  const std::string frame = frame_bytes(FrameType::kClockReport, as_text(report.bytes()));
  receive(kPeerControl, varint_bytes({0}) + settings_bytes({}) + frame);
  EXPECT_TRUE(observer.clock_reports.empty());
  session->handle_connected();
  receive(kPeerControl, frame);
  EXPECT_EQ(observer.clock_reports.size(), 1u);
}

TEST_F(HeldPeer, DatagramsAreDropped) {
  session->handle_datagram(executor.now(), as_bytes("whatever it may be"));
  EXPECT_EQ(session->stats().datagrams_dropped, 1u);
}

TEST_F(HeldPeer, AsManyCallsAreHeldAsMayRun) {
  limits.max_running_handlers = 40;
  make();
  for (std::int64_t i = 0; i < 41; ++i) {
    receive(call(i), request_bytes(101) + message_bytes("x"), true);
  }
  EXPECT_FALSE(answered(call(39)));
  ASSERT_TRUE(answered(call(40)));
  EXPECT_EQ(answered(call(40))->status.code(), StatusCode::kResourceExhausted);
  session->handle_connected();
  EXPECT_EQ(observer.calls.size(), 40u);
  release_all();
}

// 1000 calls with 8000 bytes each would be twice that.
TEST_F(HeldPeer, FourMebibytesAreHeldAndNoMore) {
  const Metadata metadata{{"x-ballast", std::string(8000, 'x')}};
  for (std::int64_t i = 0; i < 1000; ++i) {
    receive(call(i), request_bytes(101, {}, metadata) + message_bytes("x"), true);
    ASSERT_LE(session->held_bytes(), 4u * 1024 * 1024);
  }
  EXPECT_GT(session->held_bytes(), 3u * 1024 * 1024);
  EXPECT_EQ(answered(call(999))->status.code(), StatusCode::kResourceExhausted);
  session->handle_connected();
  EXPECT_GT(observer.calls.size(), 400u);
  release_all();
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(HeldPeer, MessagesCountToo) {
  const std::string message(900 * 1024, 'x');
  for (std::int64_t i = 0; i < 6; ++i) {
    receive(call(i), request_bytes(101) + message_bytes(message), true);
  }
  EXPECT_LE(session->held_bytes(), 5u * 1024 * 1024);
  EXPECT_EQ(answered(call(5))->status.code(), StatusCode::kResourceExhausted);
  session->handle_closed(Status(StatusCode::kUnavailable, "refused"));
}

TEST_F(HeldPeer, WhatIsHeldGoesWithASessionThatIsRefused) {
  receive(kPeerControl, varint_bytes({0}) + settings_bytes({}));
  receive(call(0), request_bytes(101, {}, {{"a", "b"}}) + message_bytes("question"));
  receive(kPeerStream, varint_bytes({1}) + event_bytes(300, "one"));
  session->handle_closed(Status(StatusCode::kPermissionDenied, "members only"));
  EXPECT_TRUE(observer.calls.empty());
  EXPECT_TRUE(observer.events.empty());
  EXPECT_FALSE(session->has_calls());
}

}  // namespace
}  // namespace echostream::testing
