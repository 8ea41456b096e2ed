// Resumed sessions and early data (RFC 9001 section 4.6), by two of our endpoints.
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// One round trip.
constexpr Duration kTrip = 10ms;

class EarlyData : public ::testing::Test {
 protected:
  explicit EarlyData(QuicWorld::Options options = {}, std::uint64_t seed = 1)
      : pair_(seed, options) {}

  // Connects once and returns what the server gave for the next time.
  std::string first_ticket() {
    EXPECT_TRUE(pair_.connect());
    pair_.world.run_for(100ms);
    EXPECT_GE(pair_.sink.tickets.size(), 1u);
    EXPECT_FALSE(pair_.connection->is_resumed());
    EXPECT_EQ(pair_.connection->early_data_accepted(), std::nullopt);
    return pair_.sink.tickets.empty() ? std::string() : pair_.sink.tickets.back();
  }

  QuicConnection& dial(RecordingSink& sink, const std::string& ticket, bool early_data = true) {
    return pair_.world.dial_again(pair_.client, pair_.server, sink, ticket, early_data);
  }

  // An answer to whatever came, as soon as it is complete.
  void serve() {
    pair_.server.when_accepted = [this](RecordingSink& sink) {
      RecordingSink* accepted = &sink;
      sink.when_data = [this, accepted](StreamId id, BytesView, bool fin) {
        if (!fin) return;
        executed_.push_back(accepted->stream(id).received);
        heard_early_.push_back(!accepted->is_connected());
        accepted->connection->write(id, Buffer::copy("answer"), true);
      };
    };
  }

  // Until neither end knows anything of the connection.
  void end(QuicConnection& connection) {
    connection.close(0, "");
    pair_.world.run_for(1s);
    pair_.client.endpoint->release(connection);
    pair_.server.endpoint->release(pair_.server_connection());
    pair_.world.run_for(1s);
    EXPECT_EQ(pair_.server.endpoint->connection_count(), 1u) << "that of first_ticket()";
  }

  bool run_until_answered(RecordingSink& sink, StreamId id) {
    return pair_.world.run_until([&] { return sink.stream(id).fin; }, 20s);
  }

  QuicPair pair_;
  std::vector<std::string> executed_;
  std::vector<bool> heard_early_;
};

TEST_F(EarlyData, ReachesTheServerAHalfTripAfterDiallingAndIsAnsweredInOne) {
  const std::string ticket = first_ticket();
  serve();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  ASSERT_TRUE(again.can_send_early());
  EXPECT_FALSE(again.is_open());
  EXPECT_EQ(again.early_data_accepted(), std::nullopt);
  const LocalTime start = pair_.world.now();
  const StreamId id = pair_.send(again, "question", true);
  ASSERT_TRUE(run_until_answered(sink, id));
  EXPECT_EQ(pair_.world.now() - start, kTrip);
  EXPECT_EQ(executed_, std::vector<std::string>{"question"});
  EXPECT_EQ(heard_early_, std::vector<bool>{true});
  EXPECT_EQ(sink.stream(id).received, "answer");
  EXPECT_EQ(again.early_data_accepted(), true);
  EXPECT_TRUE(again.is_resumed());
  EXPECT_FALSE(again.can_send_early());
  pair_.world.run_for(100ms);
  EXPECT_TRUE(pair_.server_sink().is_connected());
  EXPECT_EQ(pair_.server_connection().early_data_accepted(), true);
  EXPECT_EQ(pair_.server_connection().peer_fingerprint(), std::nullopt);
  EXPECT_EQ(sink.broken_promises + pair_.server_sink().broken_promises, 0);
}

TEST_F(EarlyData, IsNotSentUnlessItIsAskedFor) {
  const std::string ticket = first_ticket();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket, false);
  EXPECT_FALSE(again.can_send_early());
  EXPECT_FALSE(again.open_bidirectional());
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_TRUE(again.is_resumed());
  EXPECT_EQ(again.early_data_accepted(), std::nullopt);
}

TEST_F(EarlyData, KnowsTheServersCertificateAgain) {
  const std::string ticket = first_ticket();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_EQ(again.peer_fingerprint(), pair_.connection->peer_fingerprint());
  EXPECT_EQ(again.alpn(), "echostream/1");
}

TEST_F(EarlyData, OfATicketThatWasUsedBeforeIsRejectedAndTheSessionResumed) {
  const std::string ticket = first_ticket();
  serve();
  RecordingSink first;
  QuicConnection& one = dial(first, ticket);
  ASSERT_TRUE(run_until_answered(first, pair_.send(one, "question", true)));
  RecordingSink second;
  QuicConnection& two = dial(second, ticket);
  ASSERT_TRUE(two.can_send_early());
  (void)pair_.send(two, "again", true);
  ASSERT_TRUE(pair_.world.run_until([&] { return second.is_connected(); }, 10s));
  EXPECT_TRUE(two.is_resumed());
  EXPECT_EQ(two.early_data_accepted(), false);
  EXPECT_EQ(second.early_rejections, 1);
  pair_.world.run_for(1s);
  EXPECT_EQ(executed_, std::vector<std::string>{"question"});
  // What was rejected is sent again by whoever knows what it was; ids start anew.
  const StreamId id = pair_.send(two, "again", true);
  EXPECT_EQ(id.value, 0);
  ASSERT_TRUE(run_until_answered(second, id));
  EXPECT_EQ(executed_.back(), "again");
  EXPECT_FALSE(heard_early_.back());
  EXPECT_EQ(second.broken_promises, 0);
}

TEST_F(EarlyData, C04_CopiesOfItsPacketsAreActedUponOnce) {
  const std::string ticket = first_ticket();
  serve();
  std::vector<Datagram> recorded;
  pair_.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair_.server.address) recorded.push_back(datagram);
    return true;
  };
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  ASSERT_TRUE(run_until_answered(sink, pair_.send(again, "question", true)));
  end(again);
  ASSERT_EQ(executed_.size(), 1u);
  const std::size_t accepted = pair_.server.accepted.size();
  pair_.world.tap = nullptr;
  // The server has forgotten the connection: to it the copies are a client that comes anew, from
  // the same address and from another.
  for (const std::uint8_t last : {7, 8}) {
    for (Datagram copy : recorded) {
      copy.from = SocketAddress::ipv4({198, 51, 100, last}, 50001);
      pair_.world.inject(std::move(copy));
    }
    pair_.world.run_for(15s);
  }
  EXPECT_EQ(executed_.size(), 1u);
  EXPECT_EQ(pair_.server.accepted.size(), accepted) << "no copy became a connection";
}

TEST_F(EarlyData, C04_ACopyAfterTheWindowIsTooOld) {
  const std::string ticket = first_ticket();
  serve();
  std::vector<Datagram> recorded;
  pair_.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair_.server.address) recorded.push_back(datagram);
    return true;
  };
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  ASSERT_TRUE(run_until_answered(sink, pair_.send(again, "question", true)));
  end(again);
  pair_.world.tap = nullptr;
  for (const Duration later : {61s, 121s, 181s, 3600s}) {
    pair_.world.wall_time = pair_.world.wall_time + later;
    for (Datagram copy : recorded) {
      copy.from = SocketAddress::ipv4({198, 51, 100, 9}, 50001);
      pair_.world.inject(std::move(copy));
    }
    pair_.world.run_for(15s);
  }
  EXPECT_EQ(executed_.size(), 1u);
}

TEST_F(EarlyData, SurvivesLossOfEveryFirstDatagram) {
  const std::string ticket = first_ticket();
  serve();
  int sent = 0;
  pair_.world.tap = [&](Datagram& datagram) {
    return datagram.to != pair_.server.address || ++sent > 1;
  };
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  const StreamId id = pair_.send(again, pattern(5000, 1), true);
  ASSERT_TRUE(run_until_answered(sink, id));
  EXPECT_EQ(executed_, std::vector<std::string>{pattern(5000, 1)});
}

TEST_F(EarlyData, SurvivesALossyLink) {
  for_each_seed(20, [](std::uint64_t seed) {
    QuicPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(200ms);
    ASSERT_FALSE(pair.sink.tickets.empty());
    pair.world.link.loss = 0.2;
    pair.world.link.jitter = 10ms;
    int executed = 0;
    pair.server.when_accepted = [&](RecordingSink& sink) {
      sink.when_data = [&](StreamId id, BytesView, bool fin) {
        if (!fin) return;
        ++executed;
        pair.server_connection().write(id, Buffer::copy("answer"), true);
      };
    };
    RecordingSink sink;
    QuicConnection& again =
        pair.world.dial_again(pair.client, pair.server, sink, pair.sink.tickets.back());
    ASSERT_TRUE(again.can_send_early());
    std::vector<StreamId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(pair.send(again, pattern(2000, 5), true));
    ASSERT_TRUE(pair.world.run_until([&] { return sink.ended_streams() == 5; }, 60s))
        << sink.close_message();
    EXPECT_EQ(executed, 5);
    EXPECT_EQ(again.early_data_accepted(), true);
    EXPECT_EQ(sink.broken_promises, 0);
  });
}

TEST_F(EarlyData, LargerThanTheWindowWaitsForTheHandshake) {
  const std::string ticket = first_ticket();
  serve();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  const std::string large = pattern(3 * 1024 * 1024, 3);
  const StreamId id = pair_.send(again, large, true);
  ASSERT_TRUE(run_until_answered(sink, id));
  ASSERT_EQ(executed_.size(), 1u);
  EXPECT_TRUE(executed_[0] == large);
}

TEST_F(EarlyData, CanBeTakenBackBeforeItIsSent) {
  const std::string ticket = first_ticket();
  serve();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  const StreamId id = pair_.send(again, "question", true);
  again.reset(id, 5);
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  pair_.world.run_for(1s);
  EXPECT_TRUE(executed_.empty());
}

TEST_F(EarlyData, EndsWithAConnectionThatIsClosedAtOnce) {
  const std::string ticket = first_ticket();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  (void)pair_.send(again, "question", true);
  again.close(7, "changed my mind");
  EXPECT_FALSE(again.can_send_early());
  EXPECT_FALSE(again.open_bidirectional());
  pair_.world.run_for(30s);
  EXPECT_TRUE(sink.is_closed());
  again.reset(StreamId{0}, 1);
}

TEST_F(EarlyData, C05_OfAServerThatRestartedIsRejectedAndAFullHandshakeMade) {
  const std::string ticket = first_ticket();
  pair_.world.replace(pair_.server, {});
  serve();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  (void)pair_.send(again, "question", true);
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_FALSE(again.is_resumed());
  EXPECT_EQ(again.early_data_accepted(), false);
  EXPECT_EQ(again.peer_fingerprint(), pair_.connection->peer_fingerprint());
  pair_.world.run_for(1s);
  EXPECT_TRUE(executed_.empty());
  ASSERT_TRUE(run_until_answered(sink, pair_.send(again, "question", true)));
}

TEST_F(EarlyData, C05_WithATicketOfAnotherNameAFullHandshakeIsMade) {
  const std::string ticket = first_ticket();
  pair_.world.server_name = "other.test";
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  (void)pair_.send(again, "question", true);
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_FALSE(again.is_resumed());
  EXPECT_EQ(again.early_data_accepted(), false);
}

TEST_F(EarlyData, C05_AnOldTicketIsNotEvenOffered) {
  const std::string ticket = first_ticket();
  pair_.world.wall_time = pair_.world.wall_time + 25h;
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  EXPECT_FALSE(again.can_send_early());
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_FALSE(again.is_resumed());
}

TEST_F(EarlyData, GarbageInsteadOfATicketIsIgnored) {
  const std::string ticket = first_ticket();
  for (const std::string& bad :
       {std::string("garbage"), std::string(1000, '\1'), ticket.substr(0, 100)}) {
    RecordingSink sink;
    QuicConnection& again = dial(sink, bad);
    EXPECT_FALSE(again.can_send_early());
    ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
    EXPECT_FALSE(again.is_resumed());
  }
}

// A damaged file must not cost more than the resumption.
TEST_F(EarlyData, DamagedTicketsNeverEndTheConnection) {
  const std::string ticket = first_ticket();
  for (std::size_t i = 0; i < ticket.size(); i += 7) {
    std::string damaged = ticket;
    damaged[i] = static_cast<char>(~damaged[i]);
    RecordingSink sink;
    QuicConnection& again = dial(sink, damaged);
    ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 20s)) << i;
    EXPECT_FALSE(again.is_resumed());
  }
}

// A server that demands a Retry gets the early data after it, with the same bytes.
class EarlyDataAfterRetry : public EarlyData {
 protected:
  static QuicWorld::Options options() {
    QuicWorld::Options options;
    options.retry_above_half_open = 0;
    return options;
  }
  EarlyDataAfterRetry() : EarlyData(options()) {}
};

TEST_F(EarlyDataAfterRetry, IsSentAgain) {
  const std::string ticket = first_ticket();
  serve();
  // Another client: it has no token of that server.
  QuicHost& stranger =
      pair_.world.add_client(SocketAddress::ipv4({198, 51, 100, 8}, 50000), options());
  RecordingSink sink;
  QuicConnection& again = pair_.world.dial_again(stranger, pair_.server, sink, ticket);
  const LocalTime start = pair_.world.now();
  const StreamId id = pair_.send(again, "question", true);
  ASSERT_TRUE(run_until_answered(sink, id));
  EXPECT_EQ(pair_.server.endpoint->stats().retries_sent, 2u);
  EXPECT_EQ(pair_.world.now() - start, 2 * kTrip);
  EXPECT_EQ(executed_, std::vector<std::string>{"question"});
  EXPECT_EQ(again.early_data_accepted(), true);
}

class EarlyDataRefused : public EarlyData {
 protected:
  static QuicWorld::Options options() {
    QuicWorld::Options options;
    options.early_data = false;
    return options;
  }
  EarlyDataRefused() : EarlyData(options()) {}
};

TEST_F(EarlyDataRefused, TicketsOfAServerWithoutItResumeOnly) {
  const std::string ticket = first_ticket();
  RecordingSink sink;
  QuicConnection& again = dial(sink, ticket);
  EXPECT_FALSE(again.can_send_early());
  ASSERT_TRUE(pair_.world.run_until([&] { return sink.is_connected(); }, 10s));
  EXPECT_TRUE(again.is_resumed());
}

TEST(ResumptionOverQuic, OffMeansNoTickets) {
  QuicWorld::Options options;
  options.resumption = false;
  QuicPair pair(1, {}, options);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(200ms);
  EXPECT_TRUE(pair.sink.tickets.empty());
}

// A client goes by the limits that it remembers; a server that allows less now must not be sent
// that.
TEST(ResumptionOverQuic, OfAServerWithOtherLimitsHasNoEarlyData) {
  QuicWorld world(1);
  QuicWorld::Options options;
  options.server_tls = world.server_tls(options);
  QuicHost& server = world.add_server(SocketAddress::ipv4({192, 0, 2, 1}, 4433), options);
  QuicHost& client = world.add_client(SocketAddress::ipv4({198, 51, 100, 7}, 50000), {});
  RecordingSink first;
  (void)world.dial(client, server, first);
  world.run_for(200ms);
  ASSERT_FALSE(first.tickets.empty());
  options.quic.stream_window_bytes = 1000;
  world.replace(server, options);
  RecordingSink sink;
  QuicConnection& again = world.dial_again(client, server, sink, first.tickets.back());
  ASSERT_TRUE(again.can_send_early());
  const StreamId early = *again.open_bidirectional();
  again.write(early, Buffer::copy(pattern(5000, 1)), true);
  ASSERT_TRUE(world.run_until([&] { return sink.is_connected(); }, 10s)) << sink.close_message();
  EXPECT_TRUE(again.is_resumed());
  EXPECT_EQ(again.early_data_accepted(), false);
  const StreamId id = *again.open_bidirectional();
  again.write(id, Buffer::copy(pattern(5000, 1)), true);
  world.run_for(2s);
  EXPECT_EQ(server.accepted.back()->stream(id).received, pattern(5000, 1));
  EXPECT_FALSE(sink.is_closed());
}

}  // namespace
}  // namespace echostream::testing
