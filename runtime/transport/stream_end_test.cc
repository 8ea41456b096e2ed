// How streams end: FIN, RESET_STREAM and STOP_SENDING, from either side and in any order.
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

class StreamEnd : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pair_.connect()); }
  void TearDown() override {
    EXPECT_EQ(pair_.sink.broken_promises + pair_.server_sink().broken_promises, 0);
    EXPECT_FALSE(pair_.sink.is_closed()) << pair_.sink.close_message();
  }
  void settle() { pair_.world.run_for(1s); }
  QuicConnection& client() { return *pair_.connection; }
  QuicConnection& server() { return pair_.server_connection(); }
  RecordingSink::Stream& at_client(StreamId id) { return pair_.sink.stream(id); }
  RecordingSink::Stream& at_server(StreamId id) { return pair_.server_sink().stream(id); }

  QuicPair pair_;
};

TEST_F(StreamEnd, BothEndsLearnThatItIsClosed) {
  const StreamId id = pair_.send(client(), "question", true);
  settle();
  EXPECT_EQ(at_server(id).received, "question");
  EXPECT_TRUE(at_server(id).fin);
  EXPECT_FALSE(at_server(id).closed);
  server().write(id, Buffer::copy("answer"), true);
  settle();
  EXPECT_EQ(at_client(id).received, "answer");
  EXPECT_TRUE(at_client(id).fin);
  EXPECT_TRUE(at_client(id).closed);
  EXPECT_TRUE(at_server(id).closed);
}

TEST_F(StreamEnd, EmptyEndArrivesAndAnnouncesTheStream) {
  const StreamId id = pair_.send(client(), "", true);
  settle();
  EXPECT_TRUE(at_server(id).fin);
  EXPECT_EQ(at_server(id).received, "");
}

TEST_F(StreamEnd, EndWrittenLaterArrives) {
  const StreamId id = pair_.send(client(), "bytes", false);
  settle();
  EXPECT_FALSE(at_server(id).fin);
  client().write(id, Buffer(), true);
  settle();
  EXPECT_TRUE(at_server(id).fin);
}

TEST_F(StreamEnd, ResetDropsWhatWaitsAndTellsTheCode) {
  const StreamId id = pair_.send(client(), pattern(800'000, 1), true);
  pair_.world.run_for(20ms);
  ASSERT_GT(client().unsent_bytes(id), 0u);
  client().reset(id, 77);
  EXPECT_EQ(client().unsent_bytes(id), 0u);
  settle();
  EXPECT_EQ(at_server(id).reset_code, 77u);
  EXPECT_FALSE(at_server(id).fin);
  EXPECT_LT(at_server(id).received.size(), 800'000u);
  // The other direction lives on.
  server().write(id, Buffer::copy("I heard"), true);
  settle();
  EXPECT_EQ(at_client(id).received, "I heard");
  EXPECT_TRUE(at_client(id).closed && at_server(id).closed);
}

TEST_F(StreamEnd, ResetOfAFreshStreamAnnouncesIt) {
  const StreamId id = client().open_bidirectional().value();
  client().reset(id, 5);
  settle();
  EXPECT_EQ(at_server(id).reset_code, 5u);
}

TEST_F(StreamEnd, NothingIsSentAfterAReset) {
  const StreamId id = pair_.send(client(), "before", false);
  settle();
  client().reset(id, 1);
  client().write(id, Buffer::copy("after"), true);
  client().reset(id, 2);
  settle();
  EXPECT_EQ(at_server(id).received, "before");
  EXPECT_EQ(at_server(id).reset_code, 1u);
}

TEST_F(StreamEnd, ResetAfterTheEndIsEither) {
  const StreamId id = pair_.send(client(), "all", true);
  pair_.world.flush(pair_.client);
  client().reset(id, 9);
  settle();
  EXPECT_TRUE(at_server(id).fin || at_server(id).reset_code == 9u);
}

TEST_F(StreamEnd, StopSendingEndsAWriter) {
  const StreamId id = pair_.send(client(), pattern(5'000'000, 1), true);
  pair_.world.run_for(40ms);
  ASSERT_GT(client().unsent_bytes(id), 2'000'000u);
  server().stop_sending(id, 33);
  const std::size_t received = at_server(id).received.size();
  pair_.world.run_for(100ms);
  EXPECT_TRUE(at_client(id).stop_code);
  EXPECT_EQ(client().unsent_bytes(id), 0u);
  // What was on its way is not handed out.
  EXPECT_EQ(at_server(id).received.size(), received);
  client().write(id, Buffer::copy("ignored"), true);
  server().write(id, Buffer(), true);
  settle();
  EXPECT_TRUE(at_client(id).closed);
  EXPECT_TRUE(at_server(id).closed);
}

TEST_F(StreamEnd, StopSendingToOneWhoHasNothingToWriteIsToldWithItsCodeWhenTheStreamCloses) {
  const StreamId id = pair_.send(client(), "question", true);
  settle();
  client().stop_sending(id, 42);
  settle();
  EXPECT_EQ(at_server(id).stop_code, 42u);
  EXPECT_TRUE(at_server(id).closed);
  EXPECT_TRUE(at_client(id).closed);
}

TEST_F(StreamEnd, StopSendingIsToldWithTheNextWriteOnAHalfOpenStream) {
  const StreamId id = pair_.send(client(), "question", false);
  settle();
  client().stop_sending(id, 42);
  settle();
  server().write(id, Buffer::copy("answer"), false);
  settle();
  EXPECT_TRUE(at_server(id).stop_code);
  EXPECT_EQ(at_client(id).received, "");
  EXPECT_FALSE(at_server(id).closed);
  client().write(id, Buffer(), true);
  settle();
  EXPECT_TRUE(at_server(id).closed && at_client(id).closed);
}

TEST_F(StreamEnd, StopSendingWorksOnUnidirectionalStreams) {
  const StreamId id = client().open_unidirectional().value();
  client().write(id, Buffer::copy("x"), false);
  settle();
  server().stop_sending(id, 3);
  settle();
  EXPECT_EQ(at_client(id).stop_code, 3u);
  EXPECT_TRUE(at_client(id).closed);
}

TEST_F(StreamEnd, StopAndResetFromBothSidesAtOnceCloseIt) {
  const StreamId id = pair_.send(client(), "x", false);
  settle();
  server().write(id, Buffer::copy("y"), false);
  client().stop_sending(id, 1);
  client().reset(id, 2);
  server().stop_sending(id, 3);
  server().reset(id, 4);
  settle();
  EXPECT_TRUE(at_client(id).closed);
  EXPECT_TRUE(at_server(id).closed);
}

TEST_F(StreamEnd, CommandsOnUnknownStreamsDoNothing) {
  for (const std::int64_t value : {0, 1, 2, 3, 400, 401, 402, 403}) {
    const StreamId id{value};
    client().write(id, Buffer::copy("x"), true);
    client().reset(id, 1);
    client().stop_sending(id, 1);
    client().set_priority(id, 1);
    client().notify_when_drained(id, 1);
    EXPECT_EQ(client().unsent_bytes(id), 0u);
  }
  settle();
  EXPECT_TRUE(pair_.server_sink().streams.empty());
  EXPECT_TRUE(pair_.sink.streams.empty());
}

TEST_F(StreamEnd, CommandsFromInsideACallbackTakeEffect) {
  pair_.server_sink().when_data = [this](StreamId id, BytesView, bool) {
    server().stop_sending(id, 6);
    server().write(id, Buffer::copy("enough"), true);
  };
  const StreamId id = pair_.send(client(), pattern(2'000'000, 1), false);
  settle();
  EXPECT_EQ(at_client(id).received, "enough");
  EXPECT_TRUE(at_client(id).stop_code);
  EXPECT_TRUE(at_client(id).closed && at_server(id).closed);
}

}  // namespace
}  // namespace echostream::testing
