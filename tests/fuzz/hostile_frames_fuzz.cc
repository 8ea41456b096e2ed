// A peer that has keys and breaks rules: any bytes as the frames of its packets, any transport
// parameters. The connection lives or ends with an error, keeps the sink's promises, and says no
// more than the peer can have brought about.
//
// Input: a byte of options (bit 0: the peer is the server; bit 1: the application reads nothing;
// bit 2: a server's first frames come before the handshake has ended; bit 3: a handshake message is
// changed),
// the number of transport parameters to change (8: all of them are the bytes that follow), these
// (<id:2> <value>; an empty value leaves the parameter out), with bit 3 the edits (fuzz_input.h)
// and which flight they are for, with bit 2 the early frames, then records:
//   p <frames>     a packet                       h <level> <frames>  one of the handshake
//   t <centiseconds>                              k                   key update
//   n <steps>      packet numbers are left out    b <port>            from another port
//   a <what> <stream>                             our application does something
#include <chrono>

#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/hostile_peer.h"

using namespace echostream;
using namespace echostream::testing;

namespace {

constexpr std::size_t kMostRecords = 60;

SocketAddress peer_address(std::uint16_t port) {
  return SocketAddress::ipv4({203, 0, 113, 66}, port);
}

class World {
 public:
  explicit World(std::uint8_t choice)
      : from_server_((choice & 1) != 0),
        victim_(from_server_
                    ? world_.add_client(SocketAddress::ipv4({198, 51, 100, 7}, 50000), options())
                    : world_.add_server(SocketAddress::ipv4({192, 0, 2, 1}, 4433), options())),
        peer_(world_, from_server_ ? HostilePeer::Role::kServer : HostilePeer::Role::kClient,
              peer_address(4433), victim_) {
    victim_.consumes = client_sink_.consumes = (choice & 2) == 0;
    stranger_.address = stranger_.public_address = peer_address(4433);
  }

  void change_parameters(FuzzInput& input) {
    const std::size_t count = input.byte() % 9;
    if (count == 8) {
      // With the id that the victim waits for, without which the rest would not be looked at.
      Frames raw;
      raw.varint(0x0f).varint(peer_.own_id().view().size()).raw(peer_.own_id().view());
      peer_.raw_parameters = raw.raw(input.bytes()).bytes();
      return;
    }
    std::vector<std::pair<std::uint16_t, std::vector<std::uint8_t>>> changes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint16_t id = input.number();
      const BytesView value = input.bytes();
      changes.emplace_back(id, std::vector<std::uint8_t>(value.begin(), value.end()));
    }
    peer_.change_parameters = [changes = std::move(changes)](TransportParameters& parameters) {
      for (const auto& [id, value] : changes) {
        if (value.empty()) {
          parameters.erase(id);
        } else {
          parameters[id] = value;
        }
      }
    };
  }

  /// <edits> <flight>: of what the peer says to TLS, that flight is changed.
  void change_handshake(FuzzInput& input) {
    const BytesView edits = input.bytes();
    peer_.change_crypto = [left = input.byte() % 4,
                           edits = std::vector<std::uint8_t>(edits.begin(), edits.end())](
                              PacketType, std::vector<std::uint8_t>& bytes) mutable {
      if (left-- != 0) return;
      FuzzInput changes(edits.data(), edits.size());
      apply_edits(bytes, changes);
    };
  }

  bool connect(FuzzInput& input, bool is_early) {
    if (!from_server_) return peer_.connect();
    if (is_early) peer_.holds_crypto_from = PacketType::kInitial;
    world_.dial(victim_, stranger_, client_sink_);
    world_.flush(victim_);
    peer_.run_for(std::chrono::milliseconds(is_early ? 1 : 20));
    if (is_early) send_with_flight(input.bytes());
    return peer_.has_keys();
  }

  void step(FuzzInput& input) {
    switch (input.byte()) {
      case 'p':
        return send(PacketType::kOneRtt, input.bytes());
      case 'h': {
        const bool is_handshake = input.byte() % 2 != 0;
        return send(is_handshake ? PacketType::kHandshake : PacketType::kInitial, input.bytes());
      }
      case 't':
        return peer_.run_for(std::chrono::milliseconds(10 * input.byte()));
      case 'k':
        return peer_.update_keys();
      case 'n':
        return peer_.skip_to_number(PacketType::kOneRtt,
                                    peer_.next_number(PacketType::kOneRtt) + input.byte() + 1u);
      case 'b':
        return peer_.rebind(peer_address(static_cast<std::uint16_t>(600 + input.byte() % 8)));
      case 'a': {
        const std::uint8_t what = input.byte();
        return act(what, StreamId{input.byte() & 0x3f});
      }
      default:
        return;
    }
  }

  bool is_over() { return peer_.is_closed() || (sink() != nullptr && sink()->is_closed()); }

  void finish() {
    peer_.run_for(std::chrono::seconds(100));
    if (RecordingSink* const ended = sink()) {
      FUZZ_CHECK(ended->broken_promises == 0);
      FUZZ_CHECK(ended->is_closed());
      FUZZ_CHECK(!ended->close_message().empty() && ended->close_message().size() < 2000);
      victim_.endpoint->release(*ended->connection);
      // It is remembered for three probe timeouts, and a peer that answers late makes them long.
      peer_.run_for(std::chrono::minutes(10));
    }
    FUZZ_CHECK(victim_.endpoint->connection_count() == 0);
  }

 private:
  static QuicWorld::Options options() {
    QuicWorld::Options options;
    options.quic.max_bidirectional_streams = options.quic.max_unidirectional_streams = 16;
    options.quic.max_bookkeeping_bytes = 1024 * 1024;
    return options;
  }

  RecordingSink* sink() {
    if (from_server_) return &client_sink_;
    return victim_.accepted.empty() ? nullptr : victim_.accepted.back().get();
  }

  // In one datagram with all that the server has to say to TLS.
  void send_with_flight(BytesView frames) {
    std::vector<std::uint8_t> flight;
    for (const PacketType level : {PacketType::kInitial, PacketType::kHandshake}) {
      const Frames crypto = Frames().crypto(0, peer_.take_crypto(level));
      append_bytes(flight, peer_.seal(level, crypto.bytes()));
    }
    if (!frames.empty()) append_bytes(flight, peer_.seal(PacketType::kOneRtt, frames));
    peer_.send_datagram(flight);
    peer_.holds_crypto_from.reset();
  }

  void send(PacketType level, BytesView frames) {
    if (frames.empty()) return;
    peer_.send(level, Frames().raw(frames));
  }

  void act(std::uint8_t what, StreamId id) {
    RecordingSink* const user = sink();
    if (user == nullptr || user->is_closed() || !user->is_connected()) return;
    QuicConnection& connection = *user->connection;
    switch (what % 8) {
      case 0:
        return connection.write(id, Buffer::copy(std::string(what * 10u, 'x')), what > 128);
      case 1:
        return connection.reset(id, what);
      case 2:
        return connection.stop_sending(id, what);
      case 3: {
        OutgoingDatagramFrame datagram;
        datagram.payload = Buffer::copy("datagram");
        return void(connection.send_datagram(std::move(datagram)));
      }
      case 4:
        return void(connection.open_bidirectional());
      case 5:
        return void(connection.open_unidirectional());
      case 6:
        return void(connection.update_keys(world_.now()));
      default:
        return connection.close(what, "over");
    }
  }

  bool from_server_;
  RecordingSink client_sink_;
  QuicWorld world_;
  QuicHost& victim_;
  HostilePeer peer_;
  QuicHost stranger_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  World world(choice);
  world.change_parameters(input);
  if ((choice & 8) != 0) world.change_handshake(input);
  if (world.connect(input, (choice & 4) != 0)) {
    for (std::size_t i = 0; i < kMostRecords && !input.empty() && !world.is_over(); ++i) {
      world.step(input);
    }
  }
  world.finish();
  return 0;
}
