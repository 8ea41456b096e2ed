// A peer with keys that sends anything: frames of every type with fields that are now and then
// right, in any order, from anywhere, with acknowledgements or without. ngtcp2 is built with its
// assertions: whatever comes, the connection lives or ends with an error of the protocol.
#include <algorithm>

#include "tests/hostile/hostile_world.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// Numbers that sit on edges, more often than chance would have it. Most peers are careful, and
// seldom send what ends the connection at once: they get further.
class Edges {
 public:
  Edges(std::uint64_t seed, bool from_server)
      : random(seed, 4), is_careful(random.chance(0.8)), own_streams(from_server ? 1 : 0) {}

  std::uint64_t number() {
    if (is_careful && random.chance(0.99)) return random.below(1 << 20);
    switch (random.below(8)) {
      case 0:
        return random.below(4);
      case 1:
        return (std::uint64_t{1} << random.below(62)) - random.below(2);
      case 2:
        return (std::uint64_t{1} << 62) - 1 - random.below(3);
      case 3:
        return random.next() >> 2;
      default:
        return random.below(64);
    }
  }
  std::int64_t stream() {
    // Of the peer's own, mostly; of the few that the other side opens, now and then.
    if (is_careful && random.chance(0.995)) return own_streams + 4 * below(10);
    if (is_careful && random.chance(0.9)) return (1 - own_streams) + 4 * below(2);
    return static_cast<std::int64_t>(random.chance(0.9) ? random.below(40) : number());
  }
  std::uint64_t offset() {
    if (is_careful) return random.below(random.chance(0.99) ? 2000 : 20'000);
    return random.chance(0.8) ? random.below(2000) : number();
  }
  std::string text(std::size_t most) { return std::string(random.below(most + 1), 'x'); }
  std::vector<std::uint8_t> bytes(std::size_t size) {
    std::vector<std::uint8_t> made(size);
    // Few different ones, so that they meet each other again.
    for (std::uint8_t& byte : made) byte = 7;
    if (size > 0) made[0] = static_cast<std::uint8_t>(random.below(12));
    return made;
  }

  bool forgoes() { return is_careful && random.chance(0.98); }

  Random random;
  bool is_careful;
  std::int64_t own_streams;  // the first bidirectional one

 private:
  std::int64_t below(std::uint64_t bound) { return static_cast<std::int64_t>(random.below(bound)); }
};

// NOLINTNEXTLINE(readability-function-size): a table.
void add_frame(Frames& frames, Edges& edges, const HostilePeer& peer, bool from_server) {
  const std::uint64_t sent = peer.largest_number(PacketType::kOneRtt).value_or(0);
  Random& random = edges.random;
  switch (random.below(from_server ? 23 : 21)) {
    case 0:
      return void(frames.padding(random.below(5)));
    case 1:
      return void(frames.ping());
    case 2:
    case 3: {
      const std::uint64_t largest = random.below(sent + 1);
      return void(frames.ack(largest, random.below(largest + 1)));
    }
    case 4:
      // What contradicts bytes that came before ends the connection.
      return void(frames.reset_stream(edges.stream() + (edges.is_careful ? 40 : 0), edges.number(),
                                      edges.is_careful ? 0 : edges.offset()));
    case 5:
      return void(frames.stop_sending(edges.stream(), edges.number()));
    case 6:
      if (edges.forgoes()) return void(frames.ping());
      return void(frames.crypto(edges.offset(), as_bytes(edges.text(50))));
    case 7:
    case 8:
    case 9:
      return void(frames.stream(edges.stream(), edges.offset(), edges.text(100),
                                random.chance(edges.is_careful ? 0.002 : 0.2)));
    case 10:
      return void(frames.max_data(edges.number()));
    case 11:
      return void(frames.max_stream_data(edges.stream(), edges.number()));
    case 12:
      return void(frames.max_streams(random.chance(0.5), edges.number()));
    case 13:
      return void(frames.data_blocked(edges.number()));
    case 14:
      return void(
          frames.streams_blocked(random.chance(0.5), edges.is_careful ? 0 : edges.number()));
    case 15: {
      const std::uint64_t sequence = random.below(20);
      const std::uint64_t retired = random.below(sequence + 1);
      const std::size_t id_bytes = edges.is_careful || random.chance(0.9) ? 8 : random.below(22);
      auto token = edges.bytes(16);
      token[0] = static_cast<std::uint8_t>(sequence);
      auto id = edges.bytes(id_bytes);
      if (!id.empty()) id[0] = static_cast<std::uint8_t>(sequence);
      return void(frames.new_connection_id(sequence, retired, id, token));
    }
    case 16:
      if (edges.forgoes()) return void(frames.retire_connection_id(1 + random.below(6)));
      return void(frames.retire_connection_id(random.below(12)));
    case 17:
      return void(frames.path_challenge(random.next()));
    case 18:
      return void(frames.path_response(random.next()));
    case 19:
      return void(frames.datagram(edges.text(30)));
    case 20:
      if (random.chance(0.98)) return;
      return void(frames.raw(edges.bytes(random.below(10))));
    case 21:
      return void(frames.new_token(edges.bytes((edges.is_careful ? 1 : 0) + random.below(30))));
    default:
      return void(frames.handshake_done());
  }
}

// What the application does meanwhile.
void answer(RecordingSink& sink, Edges& edges) {
  if (sink.is_closed() || sink.connection == nullptr || !sink.is_connected()) return;
  QuicConnection& connection = *sink.connection;
  const StreamId id{edges.stream()};
  switch (edges.random.below(8)) {
    case 0:
      return connection.write(id, Buffer::copy(edges.text(3000)), edges.random.chance(0.2));
    case 1:
      return connection.reset(id, edges.number());
    case 2:
      return connection.stop_sending(id, edges.number());
    case 3: {
      (void)connection.open_bidirectional();
      return;
    }
    case 4: {
      OutgoingDatagramFrame datagram;
      datagram.payload = Buffer::copy(edges.text(40));
      (void)connection.send_datagram(std::move(datagram));
      return;
    }
    case 5:
      (void)connection.update_keys(sink.connected_at.value());
      return;
    default:
      return;
  }
}

void run_random_peer(HostilePeer& peer, RecordingSink& sink, Edges& edges, bool from_server) {
  for (int packet = 0; packet < 200 && !peer.is_closed() && !sink.is_closed(); ++packet) {
    Frames frames;
    const std::uint64_t count = 1 + edges.random.below(4);
    for (std::uint64_t i = 0; i < count; ++i) add_frame(frames, edges, peer, from_server);
    if (frames.size() == 0) frames.ping();
    if (edges.random.chance(edges.is_careful ? 0.002 : 0.02)) peer.update_keys();
    if (edges.random.chance(0.02)) {
      peer.rebind(SocketAddress::ipv4({203, 0, 113, 66},
                                      static_cast<std::uint16_t>(600 + edges.random.below(4))));
    }
    if (edges.random.chance(0.02)) {
      peer.skip_to_number(PacketType::kOneRtt,
                          peer.next_number(PacketType::kOneRtt) + edges.random.below(1000));
    }
    peer.send(frames);
    if (edges.random.chance(0.3)) answer(sink, edges);
    if (edges.random.chance(0.5)) {
      peer.run_for(Duration(static_cast<Duration::rep>(edges.random.below(50'000'000))));
    }
  }
  peer.run_for(200s);
  EXPECT_TRUE(sink.is_closed());
  EXPECT_EQ(sink.broken_promises, 0);
  EXPECT_FALSE(sink.close_message().empty());
}

// Every other connection is traced: whatever the peer sends, each record is one.
QuicWorld::Options traced_or_not(std::uint64_t seed) {
  QuicWorld::Options options;
  if (seed % 2 == 0) return options;
  options.on_qlog = [](BytesView record) {
    ASSERT_FALSE(record.empty());
    EXPECT_EQ(record.front(), 0x1e);
    EXPECT_EQ(std::find(record.begin(), record.end(), '\n'), record.end() - 1);
  };
  return options;
}

TEST(RandomFrames, FromAClientEndInAnErrorOrPass) {
  for_each_seed(600, [](std::uint64_t seed) {
    Edges edges(seed, false);
    HostileClient hostile(traced_or_not(seed));
    if (edges.random.chance(0.5)) hostile.server.consumes = false;
    ASSERT_TRUE(hostile.peer.connect());
    RecordingSink& sink = hostile.sink();
    run_random_peer(hostile.peer, sink, edges, false);
  });
}

TEST(RandomFrames, FromAServerEndInAnErrorOrPass) {
  for_each_seed(600, [](std::uint64_t seed) {
    Edges edges(seed, true);
    HostileServer hostile(traced_or_not(seed));
    ASSERT_TRUE(hostile.connect(1ms));
    if (edges.random.chance(0.8)) hostile.peer.send(Frames().handshake_done());
    run_random_peer(hostile.peer, hostile.sink, edges, true);
  });
}

// Behind the server's flight, before the client could say anything.
TEST(RandomFrames, FromAServerBeforeTheHandshakeEndsEndInAnErrorOrPass) {
  for_each_seed(600, [](std::uint64_t seed) {
    Edges edges(seed, true);
    HostileServer hostile(traced_or_not(seed));
    hostile.peer.holds_crypto_from = PacketType::kInitial;
    hostile.world.dial(hostile.client, hostile.stranger, hostile.sink);
    hostile.world.flush(hostile.client);
    hostile.peer.run_for(1ms);
    std::vector<std::uint8_t> flight;
    for (const PacketType level : {PacketType::kInitial, PacketType::kHandshake}) {
      append_bytes(flight, hostile.peer.seal(
                               level, Frames().crypto(0, hostile.peer.take_crypto(level)).bytes()));
    }
    Frames early;
    for (int i = 0; i < 6; ++i) add_frame(early, edges, hostile.peer, true);
    if (early.size() == 0) early.ping();
    append_bytes(flight, hostile.peer.seal(PacketType::kOneRtt, early.bytes()));
    hostile.peer.send_datagram(flight);
    hostile.peer.holds_crypto_from.reset();
    run_random_peer(hostile.peer, hostile.sink, edges, true);
  });
}

}  // namespace
}  // namespace echostream::testing
