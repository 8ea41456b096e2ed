// Rules of RFC 9000 and 9001 that a peer with keys can break, one by one: each ends the connection
// with the error code that the RFC names. The cases are those of the conformance tester h3spec.
#include <algorithm>

#include "tests/hostile/hostile_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kUnexpectedMessage = kCryptoError + 10;
constexpr std::uint64_t kMissingExtension = kCryptoError + 109;
constexpr std::uint64_t kNoApplicationProtocol = kCryptoError + 120;

// Streams of a client: 0, 4, ... bidirectional, 2, 6, ... unidirectional; of a server 1 and 3.
constexpr std::int64_t kOwnUnidirectional = 2;
constexpr std::int64_t kServersBidirectional = 1;
constexpr std::int64_t kServersUnidirectional = 3;

const std::vector<std::uint8_t> kToken(16, 0x55);
const std::vector<std::uint8_t> kId(8, 0x77);
// Of TLS messages: type, three bytes of length.
const std::vector<std::uint8_t> kKeyUpdate = {24, 0, 0, 1, 0};
const std::vector<std::uint8_t> kEndOfEarlyData = {5, 0, 0, 0};

struct RuleCase {
  const char* name;
  std::uint64_t code;
  std::function<void(HostileClient&)> attack;
};

void PrintTo(const RuleCase& rule, std::ostream* out) { *out << rule.name; }

class T12_BrokenRule : public ::testing::TestWithParam<RuleCase> {};

TEST_P(T12_BrokenRule, EndsTheConnectionWithItsCode) {
  QuicWorld::Options options;
  options.quic.stream_window_bytes = 10'000;
  options.quic.max_bidirectional_streams = 10;
  HostileClient hostile(options);
  GetParam().attack(hostile);
  ASSERT_TRUE(hostile.code().has_value());
  EXPECT_EQ(*hostile.code(), GetParam().code);
  EXPECT_EQ(hostile.peer.close->type, 0x1cu);
  hostile.peer.run_for(20s);
  if (!hostile.server.accepted.empty()) {
    EXPECT_TRUE(hostile.sink().is_closed());
    EXPECT_EQ(hostile.sink().broken_promises, 0);
  }
}

using Attack = std::function<void(HostileClient&)>;

// After the handshake.
Attack with_frames(std::function<Frames(HostilePeer&)> frames) {
  return [frames = std::move(frames)](HostileClient& hostile) {
    ASSERT_TRUE(hostile.peer.connect());
    hostile.peer.send(frames(hostile.peer));
  };
}
Attack with_frames(const Frames& frames) {
  return with_frames([frames](HostilePeer&) { return frames; });
}
// When the server waits for the client's Finished.
Attack in_handshake(std::function<void(HostilePeer&)> attack) {
  return [attack = std::move(attack)](HostileClient& hostile) {
    hostile.peer.holds_crypto_from = PacketType::kHandshake;
    hostile.peer.connect();
    ASSERT_FALSE(hostile.peer.is_closed());
    attack(hostile.peer);
  };
}
Attack with_parameters(std::function<void(TransportParameters&)> change) {
  return [change = std::move(change)](HostileClient& hostile) {
    hostile.peer.change_parameters = change;
    hostile.peer.connect();
  };
}
Attack with_parameter(std::uint64_t id, std::vector<std::uint8_t> value) {
  return with_parameters([id, value](TransportParameters& all) { all[id] = value; });
}

// A ClientHello without the extension of that type (RFC 8446 section 4.2): it gets a type that
// nobody knows.
Attack without_extension(std::array<std::uint8_t, 2> type) {
  return [type](HostileClient& hostile) {
    hostile.peer.change_crypto = [type](PacketType, std::vector<std::uint8_t>& hello) {
      // Past type, length, version, random, session id, cipher suites and compression.
      std::size_t at = 4 + 2 + 32;
      at += 1u + hello[at];
      at += 2u + hello[at] * 256u + hello[at + 1];
      at += 1u + hello[at];
      at += 2;
      while (at + 4 <= hello.size()) {
        if (std::equal(type.begin(), type.end(), hello.begin() + static_cast<std::ptrdiff_t>(at))) {
          hello[at] = 0xfe;
          hello[at + 1] = 0xfe;
          return;
        }
        at += 4u + hello[at + 2] * 256u + hello[at + 3];
      }
      FAIL() << "the ClientHello has that extension";
    };
    hostile.peer.connect();
  };
}

// NOLINTNEXTLINE(readability-function-size): a table.
std::vector<RuleCase> all_cases() {
  std::vector<RuleCase> cases;
  const auto add = [&](const char* name, std::uint64_t code, Attack attack) {
    cases.push_back({name, code, std::move(attack)});
  };
  // ---- Limits.
  add("StreamBeyondFlowControl", kFlowControlError, with_frames(Frames().stream(0, 10'000, "x")));
  add("StreamIdBeyondTheLimit", kStreamLimitError, with_frames(Frames().stream(4 * 10, 0, "x")));
  // ---- Transport parameters.
  add("InitialSourceConnectionIdMissing", kTransportParameterError,
      with_parameters([](TransportParameters& all) { all.erase(0x0f); }));
  add("OriginalDestinationConnectionIdOfAClient", kTransportParameterError,
      with_parameter(0x00, kId));
  // IPv4 and IPv6 address and port, id, token (section 18.2).
  std::vector<std::uint8_t> preferred(6 + 18, 1);
  preferred.push_back(8);
  append_bytes(preferred, kId);
  append_bytes(preferred, kToken);
  add("PreferredAddressOfAClient", kTransportParameterError, with_parameter(0x0d, preferred));
  add("RetrySourceConnectionIdOfAClient", kTransportParameterError, with_parameter(0x10, kId));
  add("StatelessResetTokenOfAClient", kTransportParameterError, with_parameter(0x02, kToken));
  add("MaxUdpPayloadSizeBelow1200", kTransportParameterError,
      with_parameter(0x03, as_varint(1199)));
  add("AckDelayExponentAbove20", kTransportParameterError, with_parameter(0x0a, as_varint(21)));
  add("MaxAckDelayOf2To14", kTransportParameterError, with_parameter(0x0b, as_varint(1 << 14)));
  // ---- Packets.
  add("UnknownFrameType", kFrameEncodingError, with_frames(Frames().varint(0x3f)));
  add("EmptyPacket", kProtocolViolation, with_frames(Frames()));
  add("ReservedBitsOfAHandshakePacket", kProtocolViolation, in_handshake([](HostilePeer& peer) {
        peer.form.reserved_bits = 3;
        peer.send(PacketType::kHandshake, Frames().ping());
      }));
  add("ReservedBitsOfAShortPacket", kProtocolViolation, [](HostileClient& hostile) {
    ASSERT_TRUE(hostile.peer.connect());
    hostile.peer.form.reserved_bits = 3;
    hostile.peer.send(Frames().ping());
  });
  add("PathChallengeInAHandshakePacket", kProtocolViolation, in_handshake([](HostilePeer& peer) {
        peer.send(PacketType::kHandshake, Frames().path_challenge(1));
      }));
  // ---- Streams that are not the client's to write to, or not there.
  // RFC 9000 section 19.4 says STREAM_STATE_ERROR; section 11 lets a general code stand for it.
  add("ResetOfASendOnlyStream", kProtocolViolation,
      with_frames(Frames().reset_stream(kServersUnidirectional + 4, 0, 0)));
  add("StreamOnASendOnlyStream", kStreamStateError, [](HostileClient& hostile) {
    ASSERT_TRUE(hostile.peer.connect());
    ASSERT_EQ(hostile.sink().connection->open_unidirectional()->value, kServersUnidirectional);
    hostile.peer.send(Frames().stream(kServersUnidirectional, 0, "x"));
  });
  add("StopSendingOnANonExistingStream", kStreamStateError,
      with_frames(Frames().stop_sending(kServersBidirectional, 0)));
  add("StreamOnALocalStreamNotYetCreated", kStreamStateError,
      with_frames(Frames().stream(kServersBidirectional, 0, "x")));
  add("MaxStreamDataOnALocalStreamNotYetCreated", kStreamStateError,
      with_frames(Frames().max_stream_data(kServersBidirectional, 1)));
  add("MaxStreamDataOnAReceiveOnlyStream", kStreamStateError,
      with_frames(Frames().max_stream_data(kOwnUnidirectional, 1)));
  // ---- Frames that say what they cannot say.
  constexpr std::uint64_t kTooManyStreams = (std::uint64_t{1} << 60) + 1;
  add("MaxStreamsBeyond2To60", kFrameEncodingError,
      with_frames(Frames().max_streams(true, kTooManyStreams)));
  add("StreamsBlockedBeyond2To60", kFrameEncodingError,
      with_frames(Frames().streams_blocked(true, kTooManyStreams)));
  add("NewConnectionIdThatRetiresItself", kFrameEncodingError,
      with_frames(Frames().new_connection_id(1, 2, kId, kToken)));
  add("NewConnectionIdWithoutAnId", kFrameEncodingError,
      with_frames(Frames().new_connection_id(1, 0, {}, kToken)));
  add("NewTokenOfAClient", kProtocolViolation, with_frames(Frames().new_token(kToken)));
  add("HandshakeDoneOfAClient", kProtocolViolation, with_frames(Frames().handshake_done()));
  // ---- TLS.
  add("KeyUpdateInAHandshakePacket", kUnexpectedMessage, in_handshake([](HostilePeer& peer) {
        peer.send(PacketType::kHandshake, Frames().crypto(0, kKeyUpdate));
      }));
  add("KeyUpdateInAShortPacket", kUnexpectedMessage, with_frames(Frames().crypto(0, kKeyUpdate)));
  add("NoApplicationProtocolInCommon", kNoApplicationProtocol, [](HostileClient& hostile) {
    hostile.peer.alpn = "somebody-else/7";
    hostile.peer.connect();
  });
  add("NoApplicationProtocolAtAll", kNoApplicationProtocol, without_extension({0x00, 0x10}));
  add("NoTransportParameters", kMissingExtension, without_extension({0x00, 0x39}));
  add("EndOfEarlyDataMessage", kUnexpectedMessage, in_handshake([](HostilePeer& peer) {
        peer.send(PacketType::kHandshake, Frames().crypto(0, kEndOfEarlyData));
      }));
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, T12_BrokenRule, ::testing::ValuesIn(all_cases()),
                         [](const auto& one) { return std::string(one.param.name); });

// The 34th case. Without a session that was resumed there are no keys for such a packet.
TEST(HostilePeer, T12_CryptoIn0RttIsNotRead) {
  HostileClient hostile;
  hostile.peer.holds_crypto_from = PacketType::kHandshake;
  hostile.peer.connect();
  PacketForm form;
  form.type = PacketType::kZeroRtt;
  form.destination_id = hostile.peer.victim_id();
  form.source_id = hostile.peer.own_id();
  const auto secret = std::vector<std::uint8_t>(32, 1);
  const PacketKey key(transport::CipherSuite::initial(), secret);
  hostile.peer.send_datagram(seal_packet(key, form, Frames().crypto(0, kKeyUpdate).bytes()));
  EXPECT_FALSE(hostile.peer.is_closed());
  hostile.peer.holds_crypto_from.reset();
  hostile.peer.send(PacketType::kHandshake,
                    Frames().crypto(0, hostile.peer.take_crypto(PacketType::kHandshake)));
  EXPECT_EQ(hostile.server.accepted.size(), 1u);
}

TEST(HostilePeer, CompletesAHandshakeAndExchangesBytes) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  EXPECT_EQ(hostile.peer.count(0x1e), 1u);  // HANDSHAKE_DONE
  hostile.peer.send(Frames().stream(0, 0, "hello", true));
  EXPECT_EQ(hostile.sink().stream(StreamId{0}).received, "hello");
  hostile.sink().connection->write(StreamId{0}, Buffer::copy("hello yourself"), true);
  std::string answer;
  hostile.peer.on_frame = [&](PacketType, const Frame& frame) {
    if (frame.is_stream()) answer += as_text(frame.data);
  };
  hostile.peer.run_for(10ms);
  EXPECT_EQ(answer, "hello yourself");
}

TEST(HostilePeer, CompletesAHandshakeAsServer) {
  HostileServer hostile;
  ASSERT_TRUE(hostile.connect()) << hostile.sink.close_message();
  hostile.peer.send(Frames().handshake_done().stream(3, 0, "hello", true));
  EXPECT_EQ(hostile.sink.stream(StreamId{3}).received, "hello");
}

}  // namespace
}  // namespace echostream::testing
