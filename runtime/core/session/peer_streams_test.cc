// Events and frames of EXPIRING and DATAGRAM streams, as a peer's bytes on streams beside the
// calls.
#include "runtime/core/session/peer_streams.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_fixture.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;

std::string frame_stream(std::uint64_t call, std::uint64_t sequence, std::string_view message) {
  return varint_bytes({2, call, sequence, 0}) + std::string(message);
}

class PeerStreamsTest : public SessionFixture {
 public:
  // A call of ours whose peer sends frames.
  CallStream& open(Delivery delivery, Duration max_age = 100ms) {
    connect_with_settings();
    return start(stream_method(delivery, max_age));
  }
  void datagram(std::string_view bytes) {
    session->handle_datagram(executor.now(), as_bytes(bytes));
  }
  StreamId next_stream() { return StreamId{(next_ += 4) - 4}; }
  void frame(std::uint64_t call, std::uint64_t sequence, std::string_view message) {
    receive(next_stream(), frame_stream(call, sequence, message), true);
  }

 private:
  std::int64_t next_ = kPeerStream.value;
};

// ---- Events

TEST_F(PeerStreamsTest, EventsArriveInOrderHoweverTheyAreCut) {
  connect_with_settings();
  const std::string bytes = varint_bytes({1}) + event_bytes(7, "one", {{"k", "v"}}) +
                            frame_bytes(0x2b, "later") + event_bytes(8, "");
  for (const char byte : bytes) receive(kPeerStream, {&byte, 1});
  ASSERT_EQ(observer.events.size(), 2u);
  EXPECT_EQ(observer.events[0].first.method_id, 7u);
  EXPECT_EQ(observer.events[0].first.metadata.find("k"), "v");
  EXPECT_EQ(observer.events[0].second, "one");
  EXPECT_EQ(observer.events[1].first.method_id, 8u);
  EXPECT_EQ(session->stats().events_received, 2u);
  EXPECT_EQ(transport.streams[kPeerStream].consumed, bytes.size());
}

TEST_F(PeerStreamsTest, AnEventAtTheLimitArrivesAndALargerOneIsSkippedAndCounted) {
  limits.max_message_bytes = 50;
  limits.max_metadata_bytes = 0;
  connect_with_settings();
  receive(kPeerStream, varint_bytes({1}) + event_bytes(kMaxVarint, std::string(50, 'a')) +
                           event_bytes(1, std::string(51, 'b')) +
                           event_bytes(1, std::string(5000, 'c')) +
                           event_bytes(1, "", {{"k", ""}}) + event_bytes(1, "last"));
  ASSERT_EQ(observer.events.size(), 2u);
  EXPECT_EQ(observer.events[0].second.size(), 50u);
  EXPECT_EQ(observer.events[1].second, "last");
  EXPECT_EQ(session->stats().events_dropped, 3u);
  EXPECT_TRUE(transport.closes.empty());
}

TEST_F(PeerStreamsTest, SlowHandlersStallTheStreamAndEveryEventArrivesInTheEnd) {
  connect_with_settings();
  observer.on_event = [&] { observer.takes_events = observer.events.size() % 2 != 0; };
  std::string bytes = varint_bytes({1});
  for (int i = 0; i < 6; ++i) bytes += event_bytes(1, std::to_string(i));
  const std::size_t event_size = event_bytes(1, "0").size();
  receive(kPeerStream, bytes);
  receive(kPeerStream, event_bytes(1, "6"), true);
  EXPECT_EQ(observer.events.size(), 2u);
  EXPECT_EQ(transport.streams[kPeerStream].consumed, 1 + 2 * event_size);
  // The connection is done with the stream before we are.
  session->handle_stream_closed(kPeerStream);
  for (int i = 0; i < 4; ++i) {
    observer.takes_events = true;
    session->resume_events();
  }
  ASSERT_EQ(observer.events.size(), 7u);
  EXPECT_EQ(observer.events[6].second, "6");
  EXPECT_EQ(transport.streams[kPeerStream].consumed, 1 + 7 * event_size);
}

TEST_F(PeerStreamsTest, AResetStreamOfEventsGivesItsCreditBack) {
  connect_with_settings();
  observer.takes_events = false;
  const std::string bytes = varint_bytes({1}) + event_bytes(1, "x");
  receive(kPeerStream, bytes);
  reset(kPeerStream, WireError::kCancelled);
  EXPECT_EQ(transport.streams[kPeerStream].consumed, bytes.size());
}

TEST_F(PeerStreamsTest, BrokenEventsCloseTheConnection) {
  connect_with_settings();
  receive(kPeerStream, varint_bytes({1}) + frame_bytes(FrameType::kEvent, "\x40"));
  expect_closed(WireError::kProtocol, "malformed EVENT frame from the peer");
  transport.closes.clear();
  connect_with_settings();
  receive(kPeerStream, varint_bytes({1}) + "\x20", true);
  expect_closed(WireError::kProtocol, "the peer ended a stream of events inside a frame");
}

TEST_F(PeerStreamsTest, APeerHasOneStreamOfEventsForEachPriorityAndNoMore) {
  connect_with_settings();
  StreamId first = next_stream();
  receive(first, varint_bytes({1}));
  for (int i = 1; i < 8; ++i) receive(next_stream(), varint_bytes({1}) + event_bytes(1, "x"));
  // One that is over makes room.
  receive(first, "", true);
  session->handle_stream_closed(first);
  receive(next_stream(), varint_bytes({1}) + event_bytes(1, "x"));
  EXPECT_EQ(observer.events.size(), 8u);
  receive(next_stream(), varint_bytes({1}));
  expect_closed(WireError::kProtocol, "the peer opened more than 8 streams of events");
}

TEST_F(PeerStreamsTest, OurEventsOfOnePriorityFollowEachOtherOnOneStream) {
  connect_with_settings();
  EXPECT_TRUE(session->emit(event_method(3), {{"k", "v"}}, Buffer::copy("one")).is_ok());
  EXPECT_TRUE(session->emit(event_method(3), {}, Buffer::copy("two")).is_ok());
  EXPECT_TRUE(session->emit(event_method(0), {}, Buffer::copy("now")).is_ok());
  EXPECT_EQ(as_text(transport.streams[StreamId{6}].written),
            varint_bytes({1}) + event_bytes(300, "one", {{"k", "v"}}, executor.now()) +
                event_bytes(300, "two", {}, executor.now()));
  EXPECT_EQ(as_text(transport.streams[StreamId{10}].written),
            varint_bytes({1}) + event_bytes(300, "now", {}, executor.now()));
  EXPECT_EQ(transport.streams[StreamId{10}].priority, 0);
  EXPECT_EQ(session->stats().events_sent, 3u);
}

TEST_F(PeerStreamsTest, ALongQueueOfEventsIsNotWritableUntilItDrained) {
  connect_with_settings();
  EXPECT_TRUE(session->events_writable(3));
  transport.unsent[StreamId{6}] = limits.send_high_water_bytes + 1;
  EXPECT_TRUE(session->emit(event_method(), {}, Buffer::copy("x")).is_ok());
  EXPECT_FALSE(session->events_writable(3));
  EXPECT_EQ(transport.streams[StreamId{6}].low_water, limits.send_low_water_bytes);
  transport.unsent[StreamId{6}] = limits.send_low_water_bytes;
  session->handle_stream_drained(executor.now(), StreamId{6});
  EXPECT_EQ(observer.writable, 1);
  EXPECT_TRUE(session->events_writable(3));
}

TEST_F(PeerStreamsTest, AStoppedStreamOfEventsWakesWritersAndIsOpenedAnew) {
  connect_with_settings();
  transport.unsent[StreamId{6}] = limits.send_high_water_bytes + 1;
  EXPECT_TRUE(session->emit(event_method(), {}, Buffer::copy("x")).is_ok());
  stop(StreamId{6}, WireError::kCancelled);
  EXPECT_EQ(observer.writable, 1);
  EXPECT_TRUE(session->events_writable(3));
  EXPECT_TRUE(session->emit(event_method(), {}, Buffer::copy("y")).is_ok());
  EXPECT_EQ(as_text(transport.streams[StreamId{10}].written),
            varint_bytes({1}) + event_bytes(300, "y", {}, executor.now()));
}

TEST_F(PeerStreamsTest, WithoutAStreamAnEventIsNotSent) {
  session = std::make_unique<Session>(executor, transport, observer, limits, 5);
  EXPECT_EQ(session->emit(event_method(), {}, {}).code(), StatusCode::kUnavailable);
  session->handle_connected();
  transport.unidirectional_credit = 0;
  EXPECT_EQ(session->emit(event_method(), {}, {}).code(), StatusCode::kUnavailable);
  EXPECT_EQ(session->stats().events_sent, 0u);
}

// ---- Frames of EXPIRING streams

TEST_F(PeerStreamsTest, AFrameArrivesWholeHoweverItsStreamIsCut) {
  CallStream& call = open(Delivery::kExpiring);
  const std::string bytes = frame_stream(0, 0, "picture");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const StreamId id = next_stream();
    std::string frame = bytes;
    frame[2] = static_cast<char>(cut);  // the sequence number
    receive(id, std::string_view(frame).substr(0, cut));
    receive(id, std::string_view(frame).substr(cut), true);
    const auto message = call.take_message();
    ASSERT_TRUE(message) << cut;
    EXPECT_EQ(message->message.text(), "picture");
    EXPECT_EQ(message->header.sequence, cut);
    EXPECT_EQ(transport.streams[id].consumed, bytes.size());
  }
  EXPECT_EQ(session->held_bytes(), 0u);
  call.release();
}

TEST_F(PeerStreamsTest, AFrameIsHeldForAnEarlierOneAsLongAsItMayBeOld) {
  CallStream& call = open(Delivery::kExpiring);
  frame(0, 1, "one");
  executor.advance(99ms);
  EXPECT_FALSE(call.has_message());
  executor.advance(1ms);
  const auto message = call.take_message();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->lost_before, 1u);
  call.release();
}

TEST_F(PeerStreamsTest, AStaleFrameThatIsResetIsAGap) {
  CallStream& call = open(Delivery::kExpiring);
  const StreamId id = next_stream();
  receive(id, frame_stream(0, 0, "half a pic"));
  EXPECT_GT(session->held_bytes(), 0u);
  reset(id, WireError::kStale);
  EXPECT_EQ(session->held_bytes(), 0u);
  frame(0, 1, "next");
  executor.advance(100ms);
  EXPECT_EQ(call.take_message()->lost_before, 1u);
  call.release();
}

TEST_F(PeerStreamsTest, AFrameAtTheLimitArrivesAndALargerOneIsStopped) {
  limits.max_message_bytes = 100;
  CallStream& call = open(Delivery::kExpiring);
  frame(0, 0, std::string(100, 'a'));
  EXPECT_EQ(call.take_message()->message.size(), 100u);
  frame(0, 1, std::string(101, 'b'));
  const StreamId id = next_stream();
  receive(id, frame_stream(0, 2, std::string(200, 'c')));
  EXPECT_EQ(transport.streams[id].stops, std::vector{WireError::kLimit});
  // What was under way is dropped, and not taken for a new stream.
  receive(id, varint_bytes({0}));
  receive(id, varint_bytes({0}), true);
  EXPECT_EQ(session->held_bytes(), 0u);
  EXPECT_TRUE(transport.closes.empty());
  executor.advance(1s);
  EXPECT_FALSE(call.has_message());
  call.release();
}

TEST_F(PeerStreamsTest, IncompleteFramesCountAgainstWhatAPeerMayMakeUsHold) {
  limits.max_session_bytes = 1000;
  CallStream& call = open(Delivery::kExpiring);
  const StreamId first = next_stream();
  const StreamId second = next_stream();
  receive(first, frame_stream(0, 0, std::string(600, 'a')));
  receive(second, frame_stream(0, 1, std::string(600, 'b')));
  EXPECT_TRUE(transport.streams[first].stops.empty());
  EXPECT_EQ(transport.streams[second].stops, std::vector{WireError::kLimit});
  receive(first, "", true);
  EXPECT_EQ(call.take_message()->message.size(), 600u);
  call.release();
}

TEST_F(PeerStreamsTest, BrokenFrameStreamsCloseTheConnection) {
  open(Delivery::kExpiring).release();
  receive(next_stream(), varint_bytes({2, 0}) + "\x40", true);
  expect_closed(WireError::kProtocol, "malformed frame stream from the peer");
  transport.closes.clear();
  open(Delivery::kExpiring).release();
  frame(2, 0, "x");
  expect_closed(WireError::kProtocol,
                "the peer sent a frame for stream 2, which cannot carry a call");
}

TEST_F(PeerStreamsTest, FramesThatOvertakeTheirRequestWaitForIt) {
  connect_with_settings();
  CallStream* call = nullptr;
  observer.on_call = [&](CallStream& incoming) {
    call = &incoming;
    incoming.set_method(stream_method(Delivery::kExpiring, 100ms));
  };
  frame(1, 0, "zero");
  const std::string request = request_bytes(1);
  receive(kPeerCall, request.substr(0, 1));
  frame(1, 1, "one");
  EXPECT_EQ(session->held_bytes(), 7u);
  receive(kPeerCall, request.substr(1));
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->take_message()->message.text(), "zero");
  EXPECT_EQ(call->take_message()->message.text(), "one");
  EXPECT_EQ(session->held_bytes(), 0u);
  call->release();
}

TEST_F(PeerStreamsTest, FramesOfOurOwnCallsThatAreOverAreNotKept) {
  CallStream& call = open(Delivery::kExpiring);
  call.release();
  session->handle_stream_closed(kOurCall);
  frame(0, 0, "late");
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(PeerStreamsTest, FramesOfACallThatIsNotExpiringAreIgnored) {
  for (const Delivery delivery : {Delivery::kReliable, Delivery::kDatagram}) {
    transport = {};
    CallStream& call = open(delivery);
    frame(0, 0, "x");
    EXPECT_FALSE(call.has_message());
    call.release();
  }
}

// ---- Datagrams

TEST_F(PeerStreamsTest, DatagramFramesArriveWholeOrInPieces) {
  CallStream& call = open(Delivery::kDatagram);
  datagram(varint_bytes({0, 0, 0, 5}) + "whole");
  datagram(varint_bytes({1, 0, 1, 6, 1, 2}) + "ces");
  datagram(varint_bytes({1, 0, 1, 6, 0, 2}) + "pie");
  EXPECT_EQ(call.take_message()->message.text(), "whole");
  const auto second = call.take_message();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->message.text(), "pieces");
  EXPECT_EQ(second->header.capture_time, RemoteTime(6ns));
  call.release();
  EXPECT_EQ(session->held_bytes(), 0u);
}

TEST_F(PeerStreamsTest, DatagramsThatMeanNothingAreDroppedAndCounted) {
  CallStream& call = open(Delivery::kDatagram);
  datagram("");
  datagram("\x05 later");
  datagram(varint_bytes({0, 0, 0}));
  datagram(varint_bytes({0, 4, 0, 0}));
  datagram(varint_bytes({1, 0, 0, 0, 3, 3}));
  EXPECT_EQ(session->stats().datagrams_dropped, 5u);
  EXPECT_TRUE(transport.closes.empty());
  EXPECT_FALSE(call.has_message());
  call.release();
}

TEST_F(PeerStreamsTest, ADatagramOverTheLimitIsDropped) {
  limits.max_message_bytes = 10;
  CallStream& call = open(Delivery::kDatagram);
  datagram(varint_bytes({0, 0, 0, 0}) + std::string(11, 'x'));
  datagram(varint_bytes({0, 0, 1, 0}) + std::string(10, 'x'));
  EXPECT_EQ(call.take_message()->lost_before, 1u);
  EXPECT_FALSE(call.has_message());
  call.release();
}

TEST_F(PeerStreamsTest, DatagramFramesThatNobodyReadsDropTheOldest) {
  limits.max_inbox_messages = 3;
  CallStream& call = open(Delivery::kDatagram);
  for (std::uint64_t i = 0; i < 10; ++i) datagram(varint_bytes({0, 0, i, 0}) + "x");
  const auto first = call.take_message();
  EXPECT_EQ(first->header.sequence, 7u);
  EXPECT_EQ(first->lost_before, 7u);
  EXPECT_EQ(call.take_message()->header.sequence, 8u);
  call.release();
}

TEST_F(PeerStreamsTest, AnEndWaitsForDatagramsUnderWayAndCountsTheLost) {
  CallStream& call = open(Delivery::kDatagram);
  datagram(varint_bytes({0, 0, 0, 0}) + "zero");
  receive(kOurCall, frame_bytes(FrameType::kEnd, varint_bytes({4})) + status_bytes({}), true);
  EXPECT_TRUE(call.take_message());
  EXPECT_FALSE(call.end());
  executor.advance(50ms);
  datagram(varint_bytes({0, 0, 2, 0}) + "two");
  EXPECT_EQ(call.take_message()->lost_before, 1u);
  executor.advance(50ms);
  ASSERT_TRUE(call.end());
  EXPECT_TRUE(call.end()->status.is_ok());
  EXPECT_EQ(call.lost_at_end(), 1u);
  EXPECT_EQ(call.receiver_stats().lost, 2u);
  call.release();
}

// Found by the soak: frames were neither delivered nor counted.
TEST_F(PeerStreamsTest, ASessionThatClosesAfterTheEndCountsWhatWillNotComeAnyMore) {
  CallStream& call = open(Delivery::kDatagram);
  datagram(varint_bytes({0, 0, 0, 0}) + "zero");
  receive(kOurCall, frame_bytes(FrameType::kEnd, varint_bytes({4})) + status_bytes({}), true);
  EXPECT_TRUE(call.take_message());
  session->handle_closed(Status(StatusCode::kUnavailable, "gone"));
  EXPECT_FALSE(call.take_message());
  ASSERT_TRUE(call.end());
  EXPECT_TRUE(call.end()->status.is_ok());
  EXPECT_EQ(call.lost_at_end(), 3u);
  call.release();
}

TEST_F(PeerStreamsTest, ASessionThatClosesAfterTheEndGivesOutTheFramesThatWereHeldBack) {
  CallStream& call = open(Delivery::kExpiring, 150ms);
  frame(0, 2, "two");
  receive(kOurCall, frame_bytes(FrameType::kEnd, varint_bytes({5})) + status_bytes({}), true);
  EXPECT_FALSE(call.take_message());
  session->handle_closed(Status(StatusCode::kUnavailable, "gone"));
  const auto held = call.take_message();
  ASSERT_TRUE(held);
  EXPECT_EQ(held->lost_before, 2u);
  EXPECT_FALSE(call.take_message());
  EXPECT_TRUE(call.end()->status.is_ok());
  EXPECT_EQ(call.lost_at_end(), 2u);
  call.release();
}

TEST_F(PeerStreamsTest, WithoutAnEndFrameTheStatusEndsTheStreamAtOnce) {
  CallStream& call = open(Delivery::kDatagram);
  receive(kOurCall, status_bytes({}), true);
  EXPECT_TRUE(call.end());
  EXPECT_EQ(executor.armed_timers(), 0u);
  call.release();
}

}  // namespace
}  // namespace echostream::core
