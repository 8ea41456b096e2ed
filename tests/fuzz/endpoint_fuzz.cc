// Anybody on the network, against a server and a client of ours that talk to each other: whatever
// is sent to them, from any address, nobody crashes, what is held stays bounded, and an address
// that has proven nothing is never sent more than three times what came from it (RFC 9000 8.1).
//
// Input: a byte of options (bit 0: clients have to prove their addresses; bit 1: the connection is
// open before the attack begins), then records:
//   r <from> <bytes>              a datagram           l <from> <size:2> <bytes>  a long one
//   i <from> <id> <form> <bytes>  an Initial packet with these frames, sealed as anybody can
//   v <from> <which> <edits>      a copy of a datagram of theirs, changed
//   t <milliseconds>              time passes          w <bytes>        the client writes
// <from>: bits 0 to 2 the sender (0 and 1: in the server's or the client's name), bit 7: to the
// client instead of the server.
#include <chrono>
#include <map>

#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/quic_pair.h"
#include "tests/support/raw_initial.h"

using namespace echostream;
using namespace echostream::testing;

namespace {

constexpr std::size_t kMostConnections = 6;
constexpr std::size_t kMostHalfOpen = 3;
constexpr std::size_t kMostRecorded = 24;
constexpr std::size_t kMostRecords = 40;
constexpr std::uint16_t kStrangersPort = 600;

QuicWorld::Options options_of(std::uint8_t choice) {
  QuicWorld::Options options;
  options.max_connections = kMostConnections;
  options.max_half_open = kMostHalfOpen;
  options.retry_above_half_open = (choice & 1) != 0 ? 0 : 2;
  options.max_stateless_answers_per_second = 20;
  options.max_connections_per_address = 3;
  options.max_handshakes_per_network = 20;
  return options;
}

bool is_stranger(const SocketAddress& address) {
  return address.port() >= kStrangersPort && address.port() < kStrangersPort + 8;
}

class World {
 public:
  explicit World(std::uint8_t choice) : pair_(1, options_of(choice)) {
    pair_.world.tap = [this](Datagram& datagram) {
      if (is_stranger(datagram.to)) {
        sent_[datagram.to] += datagram.bytes.size();
        FUZZ_CHECK(sent_[datagram.to] <= 3 * received_[datagram.to]);
        return false;
      }
      if (recorded_.size() < kMostRecorded) recorded_.push_back(datagram);
      return true;
    };
    pair_.connection = &pair_.world.dial(pair_.client, pair_.server, pair_.sink);
    pair_.world.run_for(std::chrono::milliseconds((choice & 2) != 0 ? 50 : 0));
  }

  void step(FuzzInput& input) {
    switch (input.byte()) {
      case 'r': {
        const std::uint8_t from = input.byte();
        return deliver(from, input.bytes());
      }
      case 'l': {
        const std::uint8_t from = input.byte();
        std::vector<std::uint8_t> bytes(input.number());
        const BytesView head = input.bytes();
        bytes.insert(bytes.begin(), head.begin(), head.end());
        return deliver(from, bytes);
      }
      case 'i':
        return send_initial(input);
      case 'v': {
        const std::uint8_t from = input.byte();
        const Datagram& chosen = recorded_[input.byte() % recorded_.size()];
        std::vector<std::uint8_t> bytes = chosen.bytes;
        apply_edits(bytes, input);
        return deliver(from, bytes);
      }
      case 't':
        pair_.world.run_for(std::chrono::milliseconds(input.byte()));
        return check();
      case 'w':
        return write(input.bytes());
      default:
        return;
    }
  }

  // Of all that nobody proved, nothing stays.
  void finish() {
    pair_.world.run_for(std::chrono::seconds(40));
    check();
    pair_.connection->close(0, "over");
    for (auto& sink : pair_.server.accepted) {
      if (!sink->is_closed()) sink->connection->close(0, "over");
    }
    pair_.world.run_for(std::chrono::seconds(60));
    FUZZ_CHECK(pair_.sink.is_closed());
    FUZZ_CHECK(pair_.sink.closed->status.message().size() < 1000);
    for (auto& sink : pair_.server.accepted) {
      FUZZ_CHECK(sink->is_closed());
      pair_.server.endpoint->release(*sink->connection);
    }
    pair_.client.endpoint->release(*pair_.connection);
    pair_.world.run_for(std::chrono::seconds(20));
    FUZZ_CHECK(pair_.server.endpoint->connection_count() == 0);
    FUZZ_CHECK(pair_.client.endpoint->connection_count() == 0);
  }

 private:
  void deliver(std::uint8_t from, BytesView bytes) {
    SocketAddress address = SocketAddress::ipv4(
        {203, 0, 113, 66}, static_cast<std::uint16_t>(kStrangersPort + (from & 7)));
    if ((from & 7) == 0) address = pair_.server.address;
    if ((from & 7) == 1) address = pair_.client.address;
    if (bytes.size() > 65'507) return;
    QuicHost& to = (from & 0x80) != 0 ? pair_.client : pair_.server;
    received_[address] += bytes.size();
    pair_.world.deliver(to, address, bytes);
    pair_.world.flush(to);
    check();
  }

  void send_initial(FuzzInput& input) {
    const std::uint8_t from = input.byte();
    std::array<std::uint8_t, 8> id = {1, 2, 3, 4, 5, 6, 7, input.byte()};
    const std::uint8_t form = input.byte();
    RawInitial initial;
    initial.destination_id = transport::ConnectionId(BytesView(id).first(form % 2 == 0 ? 8 : 7));
    id[0] ^= 0x80;
    initial.source_id = transport::ConnectionId(BytesView(id).first(form >> 5));
    initial.version = (form & 2) != 0 ? 0x6b3343cf : 1;
    initial.packet_number = form >> 2 & 3;
    if ((form & 16) != 0) initial.token.assign(40, form);
    const BytesView frames = input.bytes();
    initial.frames.assign(frames.begin(), frames.end());
    deliver(from, initial.seal());
  }

  void write(BytesView bytes) {
    if (pair_.sink.is_closed() || !pair_.sink.is_connected()) return;
    const auto id = pair_.connection->open_bidirectional();
    if (id) pair_.connection->write(*id, Buffer::copy(as_text(bytes)), true);
    pair_.world.run_for(std::chrono::milliseconds(1));
    check();
  }

  void check() const {
    const auto& server = *pair_.server.endpoint;
    FUZZ_CHECK(server.connection_count() <= kMostConnections);
    FUZZ_CHECK(server.connection_count() <= kMostHalfOpen + pair_.server.accepted.size());
    FUZZ_CHECK(pair_.client.endpoint->connection_count() <= 1);
    FUZZ_CHECK(pair_.sink.broken_promises == 0);
    for (const auto& sink : pair_.server.accepted) FUZZ_CHECK(sink->broken_promises == 0);
  }

  QuicPair pair_;
  std::vector<Datagram> recorded_;
  std::map<SocketAddress, std::uint64_t> received_;
  std::map<SocketAddress, std::uint64_t> sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  World world(input.byte());
  for (std::size_t i = 0; i < kMostRecords && !input.empty(); ++i) world.step(input);
  world.finish();
  return 0;
}
