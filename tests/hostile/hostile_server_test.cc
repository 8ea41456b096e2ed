// Servers that break rules: our client survives them, or ends with a clear error.
#include <algorithm>

#include "runtime/transport/stateless_answers.h"
#include "tests/hostile/hostile_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

const std::vector<std::uint8_t> kToken(16, 0x55);

std::vector<std::uint8_t> id_of(std::uint64_t number) {
  std::vector<std::uint8_t> id(20, 0xcc);
  for (int i = 0; i < 8; ++i)
    id[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

std::vector<std::uint8_t> preferred_address(BytesView id) {
  std::vector<std::uint8_t> value(24, 0x20);  // any address
  value.push_back(static_cast<std::uint8_t>(id.size()));
  append_bytes(value, id);
  append_bytes(value, kToken);
  return value;
}

// As large as the RFC lets them be, and unknown ones.
void maximal(TransportParameters& all) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 62) - 1;
  constexpr std::uint64_t kMostStreams = std::uint64_t{1} << 60;
  all[0x01] = as_varint(kMost);  // max_idle_timeout
  all[0x02] = kToken;
  all[0x03] = as_varint(kMost);  // max_udp_payload_size
  for (const std::uint64_t id : {0x04, 0x05, 0x06, 0x07}) all[id] = as_varint(kMost);
  all[0x08] = all[0x09] = as_varint(kMostStreams);
  all[0x0a] = as_varint(20);             // ack_delay_exponent
  all[0x0b] = as_varint((1 << 14) - 1);  // max_ack_delay
  all[0x0c] = {};                        // disable_active_migration
  all[0x0d] = preferred_address(id_of(1));
  all[0x0e] = as_varint(kMost);  // active_connection_id_limit
  all[0x20] = as_varint(kMost);  // max_datagram_frame_size
  all[0x2ab2] = {};              // grease_quic_bit
  for (std::uint64_t i = 1; i < 20; ++i) all[31 * i + 27] = std::vector<std::uint8_t>(200, 1);
}

TEST(HostileServerTest, X01_MaximalTransportParametersAreSurvived) {
  HostileServer hostile;
  hostile.peer.change_parameters = maximal;
  ASSERT_TRUE(hostile.connect()) << hostile.sink.close_message();
  hostile.peer.send(Frames().handshake_done());
  const auto id = hostile.sink.connection->open_bidirectional();
  ASSERT_TRUE(id.has_value());
  hostile.sink.connection->write(*id, Buffer::copy("question"), true);
  OutgoingDatagramFrame datagram;
  datagram.payload = Buffer::copy("datagram");
  EXPECT_TRUE(hostile.sink.connection->send_datagram(std::move(datagram)).is_ok());
  std::string asked;
  hostile.peer.on_frame = [&](PacketType, const Frame& frame) {
    if (frame.is_stream()) asked += as_text(frame.data);
  };
  hostile.peer.run_for(1s);
  EXPECT_EQ(asked, "question");
  hostile.peer.send(Frames().stream(id->value, 0, "answer", true));
  EXPECT_EQ(hostile.sink.stream(*id).received, "answer");
  hostile.peer.run_for(100s);
  EXPECT_TRUE(hostile.sink.is_closed());  // our idle timeout, not theirs
}

TEST(HostileServerTest, X01_ParametersThatATraceHasNoRoomForAreSurvivedWithoutThePreferredAddress) {
  std::vector<std::string> records;
  QuicWorld::Options traced;
  traced.on_qlog = [&](BytesView record) { records.emplace_back(as_text(record)); };
  HostileServer hostile(traced);
  hostile.peer.change_parameters = maximal;
  ASSERT_TRUE(hostile.connect()) << hostile.sink.close_message();
  hostile.peer.send(Frames().handshake_done());
  hostile.peer.run_for(1s);
  EXPECT_FALSE(hostile.sink.is_closed()) << hostile.sink.close_message();
  const auto of_the_peer = [](const std::string& record) {
    return record.find("\"owner\":\"remote\"") != record.npos;
  };
  const auto found = std::find_if(records.begin(), records.end(), of_the_peer);
  ASSERT_NE(found, records.end());
  EXPECT_NE(found->find("4611686018427387903"), found->npos);
  EXPECT_EQ(found->find("preferred_address"), found->npos);
  EXPECT_LE(found->size(), 1024u);
}

// ---- Connection ids.

// Hands the client the server's whole flight with `early` in 1-RTT packets behind it, before the
// client could answer: in one datagram, or in several that it reads in one go.
void answer_with_early_frames(HostileServer& hostile, const Frames& early, bool coalesced) {
  hostile.peer.holds_crypto_from = PacketType::kInitial;
  hostile.world.dial(hostile.client, hostile.stranger, hostile.sink);
  hostile.world.flush(hostile.client);
  hostile.peer.run_for(1ms);
  std::vector<std::uint8_t> flight;
  const auto add = [&](PacketType level, const Frames& frames) {
    auto packet = hostile.peer.seal(level, frames.bytes());
    if (coalesced) return append_bytes(flight, packet);
    hostile.world.deliver(hostile.client, hostile.stranger.address, packet);
  };
  for (const PacketType level : {PacketType::kInitial, PacketType::kHandshake}) {
    add(level, Frames().crypto(0, hostile.peer.take_crypto(level)));
  }
  add(PacketType::kOneRtt, early);
  if (coalesced) hostile.world.deliver(hostile.client, hostile.stranger.address, flight);
  hostile.peer.holds_crypto_from.reset();
  hostile.peer.run_for(1s);
}

TEST(HostileServerTest, X02_RetiringTheFirstIdBeforeTheHandshakeEndsIsSurvived) {
  for (const bool coalesced : {true, false}) {
    for (const bool with_preferred_address : {true, false}) {
      HostileServer hostile;
      hostile.peer.change_parameters = [&](TransportParameters& all) {
        all[0x02] = kToken;
        if (with_preferred_address) all[0x0d] = preferred_address(id_of(9));
      };
      // The preferred address brings the id with sequence number 1.
      const std::uint64_t sequence = with_preferred_address ? 2 : 1;
      const Frames early = Frames().new_connection_id(
          sequence, sequence, BytesView(id_of(3)).first(8), std::vector<std::uint8_t>(16, 0x66));
      answer_with_early_frames(hostile, early, coalesced);
      EXPECT_TRUE(hostile.sink.is_connected()) << hostile.sink.close_message();
      EXPECT_FALSE(hostile.sink.is_closed()) << hostile.sink.close_message();
      EXPECT_EQ(hostile.peer.count(0x19), sequence);  // RETIRE_CONNECTION_ID
      hostile.peer.send(Frames().handshake_done().stream(3, 0, "hello", true));
      EXPECT_EQ(hostile.sink.stream(StreamId{3}).received, "hello");
    }
  }
}

TEST(HostileServerTest, X02_FillingTheIdsBeforeThePreferredAddressIsSurvived) {
  HostileServer hostile;
  hostile.peer.change_parameters = [&](TransportParameters& all) {
    all[0x0d] = preferred_address(id_of(1));
  };
  Frames early;
  for (std::uint64_t sequence = 2; sequence <= 6; ++sequence) {
    std::vector<std::uint8_t> token(16, static_cast<std::uint8_t>(sequence));
    early.new_connection_id(sequence, 0, id_of(sequence), token);
  }
  answer_with_early_frames(hostile, early, true);
  EXPECT_TRUE(hostile.sink.is_connected());
  EXPECT_FALSE(hostile.sink.is_closed()) << hostile.sink.close_message();
}

TEST(HostileServerTest, X02_IdThatContradictsThePreferredAddressIsAnError) {
  HostileServer hostile;
  hostile.peer.change_parameters = [&](TransportParameters& all) {
    all[0x0d] = preferred_address(id_of(1));
  };
  const Frames early = Frames().new_connection_id(1, 0, id_of(2), kToken);
  answer_with_early_frames(hostile, early, true);
  EXPECT_EQ(hostile.code(), kProtocolViolation);
  EXPECT_TRUE(hostile.sink.is_closed());
}

// RFC 9001 section 4.1.2: the server cannot confirm what the client has not finished.
TEST(HostileServerTest, X02_HandshakeDoneBeforeTheHandshakeEndsIsSurvived) {
  for (const bool coalesced : {true, false}) {
    HostileServer hostile;
    answer_with_early_frames(hostile, Frames().handshake_done().stream(3, 0, "hello", true),
                             coalesced);
    EXPECT_TRUE(hostile.sink.is_connected());
    EXPECT_FALSE(hostile.sink.is_closed()) << hostile.sink.close_message();
    EXPECT_EQ(hostile.sink.stream(StreamId{3}).received, "hello");
  }
}

TEST(HostileServerTest, X02_FloodBeforeTheHandshakeEndsIsHeldUpToABound) {
  HostileServer hostile;
  hostile.peer.holds_crypto_from = PacketType::kHandshake;
  hostile.world.dial(hostile.client, hostile.stranger, hostile.sink);
  hostile.world.flush(hostile.client);
  hostile.peer.run_for(1ms);
  const std::size_t before = live_bytes();
  for (int i = 0; i < 10'000; ++i) hostile.peer.send(Frames().ping().padding(1300));
  EXPECT_LT(live_bytes(), before + 100'000);
  hostile.peer.holds_crypto_from.reset();
  hostile.peer.send(PacketType::kHandshake,
                    Frames().crypto(0, hostile.peer.take_crypto(PacketType::kHandshake)));
  hostile.peer.send(Frames().handshake_done().stream(3, 0, "hello", true));
  EXPECT_EQ(hostile.sink.stream(StreamId{3}).received, "hello");
}

TEST(HostileServerTest, X02_MalformedPreferredAddressIsAnError) {
  for (const std::size_t size : {0u, 24u, 25u, 40u, 48u, 50u}) {
    HostileServer hostile;
    hostile.peer.change_parameters = [&](TransportParameters& all) {
      auto value = preferred_address(BytesView(id_of(1)).first(8));
      ASSERT_EQ(value.size(), 49u);
      value.resize(size);
      all[0x0d] = value;
    };
    EXPECT_FALSE(hostile.connect());
    EXPECT_EQ(hostile.code(), kTransportParameterError) << size;
  }
}

// What the client learnt before the handshake still ends its connection.
TEST(HostileServerTest, StatelessResetByTheTokenOfTheParametersIsTaken) {
  HostileServer hostile;
  hostile.peer.change_parameters = [](TransportParameters& all) { all[0x02] = kToken; };
  ASSERT_TRUE(hostile.connect());
  hostile.peer.send(Frames().handshake_done());
  std::vector<std::uint8_t> reset(40, 0x45);
  append_bytes(reset, kToken);
  hostile.peer.send_datagram(reset);
  EXPECT_TRUE(hostile.sink.is_closed());
  EXPECT_EQ(hostile.sink.close_message(), "the peer lost the connection (it may have restarted)");
}

// RFC 9000 section 10.3.1: not once the id is retired.
TEST(HostileServerTest, StatelessResetByTheTokenOfARetiredIdIsIgnored) {
  HostileServer hostile;
  hostile.peer.change_parameters = [](TransportParameters& all) { all[0x02] = kToken; };
  ASSERT_TRUE(hostile.connect());
  const std::vector<std::uint8_t> other_token(16, 0x66);
  hostile.peer.send(
      Frames().handshake_done().new_connection_id(1, 1, BytesView(id_of(3)).first(8), other_token));
  // The retirement is acknowledged, and some time passes.
  hostile.peer.send(Frames().ack(*hostile.peer.largest_number(PacketType::kOneRtt), 0));
  hostile.peer.run_for(5s);
  std::vector<std::uint8_t> reset(40, 0x45);
  append_bytes(reset, kToken);
  hostile.peer.send_datagram(reset);
  EXPECT_FALSE(hostile.sink.is_closed()) << hostile.sink.close_message();
  std::copy(other_token.begin(), other_token.end(), reset.end() - 16);
  hostile.peer.send_datagram(reset);
  EXPECT_TRUE(hostile.sink.is_closed());
}

// ---- Retry.

std::vector<std::uint8_t> retry_to(const PacketHead& hello, std::uint64_t number) {
  return transport::make_retry(1, hello.source_id, transport::ConnectionId(id_of(number)),
                               hello.destination_id, as_bytes("a token"));
}

TEST(HostileServerTest, X02_EndlessRetriesEndWithTheHandshakeTimeout) {
  HostileServer hostile;
  std::uint64_t hellos = 0;
  hostile.peer.on_hello = [&](const PacketHead& head) {
    ++hellos;
    hostile.world.inject(
        {hostile.stranger.address, hostile.client.address, 0, retry_to(head, hellos)});
    return false;
  };
  EXPECT_FALSE(hostile.connect(60s));
  EXPECT_TRUE(hostile.sink.is_closed());
  EXPECT_LE(hostile.sink.closed_at - LocalTime(1h), 11s);
  // Only the first was followed: what came after it were probes.
  EXPECT_LE(hellos, 20u);
  EXPECT_GE(hellos, 2u);
}

// ---- Streams and datagrams.

TEST(HostileServerTest, X02_MillionsOfStreamsAreRefusedAtTheLimit) {
  HostileServer hostile;
  ASSERT_TRUE(hostile.connect());
  hostile.peer.send(Frames().handshake_done());
  const std::size_t before = live_bytes();
  for (std::int64_t id = 3; id < 4'000'000 && !hostile.peer.is_closed();) {
    Frames frames;
    for (int i = 0; i < 100; ++i, id += 4) frames.stream(id, 0, "x");
    hostile.peer.send(frames);
  }
  EXPECT_EQ(hostile.code(), kStreamLimitError);
  EXPECT_LE(hostile.sink.streams.size(), 1024u);
  EXPECT_LT(live_bytes(), before + (4u << 20));
}

TEST(HostileServerTest, X02_EmptyDatagramsArriveEmptyAndAreNotSentBack) {
  HostileServer hostile;
  ASSERT_TRUE(hostile.connect());
  hostile.peer.send(Frames().handshake_done().datagram("").datagram(""));
  EXPECT_EQ(hostile.sink.datagrams.size(), 2u);
  OutgoingDatagramFrame echo;
  echo.payload = Buffer::copy(hostile.sink.datagrams.front());
  EXPECT_EQ(hostile.sink.connection->send_datagram(std::move(echo)).code(),
            StatusCode::kInvalidArgument);
  hostile.peer.send_datagram({});
  EXPECT_FALSE(hostile.sink.is_closed());
}

// ---- Frames that only a server sends.

TEST(HostileServerTest, NewTokensAreKeptUpToABound) {
  HostileServer hostile;
  ASSERT_TRUE(hostile.connect());
  const std::size_t before = live_bytes();
  for (int i = 0; i < 2000; ++i) {
    hostile.peer.send(Frames().new_token(std::vector<std::uint8_t>(1000, 1)));
    hostile.peer.send(
        Frames().new_token(std::vector<std::uint8_t>(500, static_cast<std::uint8_t>(i))));
  }
  EXPECT_LT(live_bytes(), before + 100'000);
  hostile.peer.send(Frames().new_token({}));
  EXPECT_EQ(hostile.code(), kFrameEncodingError);
}

}  // namespace
}  // namespace echostream::testing
