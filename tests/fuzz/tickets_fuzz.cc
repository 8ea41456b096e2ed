// A client with a kept ticket that somebody has changed, behind its digest: BoringSSL's session or
// the transport parameters that early data is limited by. Either it is resumed, or there is a full
// handshake, or the connection ends with a reason. Input: one byte (bit 0: the parameters instead
// of the session; bit 1: without early data; bit 2: all bytes anew), then edits or bytes.
#include <chrono>
#include <string>

#include "runtime/transport/session_ticket.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/quic_pair.h"

using namespace echostream;
using namespace echostream::testing;

namespace {

using Bytes = std::vector<std::uint8_t>;

// A world that lives as long as the process: servers give many tickets, and one is enough.
struct World {
  World() {
    ECHOSTREAM_CHECK(pair.connect(), "a first connection");
    pair.world.run_for(std::chrono::milliseconds(100));
    ECHOSTREAM_CHECK(!pair.sink.tickets.empty(), "the server gives a ticket");
    ticket = pair.sink.tickets.front();
    pair.connection->close(0, "over");
    rest();
  }
  // Until nothing is left of either end.
  void rest() {
    pair.world.run_for(std::chrono::seconds(15));
    for (auto& sink : pair.server.accepted) {
      if (!sink->is_closed()) sink->connection->close(0, "over");
    }
    pair.world.run_for(std::chrono::seconds(15));
    for (auto& sink : pair.server.accepted) {
      FUZZ_CHECK(sink->is_closed() && sink->broken_promises == 0);
      pair.server.endpoint->release(*sink->connection);
    }
    pair.server.accepted.clear();
  }

  QuicPair pair;
  std::string ticket;
};

Bytes changed(BytesView good, FuzzInput& input, bool anew) {
  if (anew) return {input.rest().begin(), input.rest().end()};
  Bytes bytes(good.begin(), good.end());
  apply_edits(bytes, input);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  QuicPair& pair = world.pair;
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const auto good = transport::parse_ticket(as_bytes(world.ticket));
  FUZZ_CHECK(good);
  Bytes parameters(good->transport_parameters.begin(), good->transport_parameters.end());
  Bytes session(good->session.begin(), good->session.end());
  Bytes& part = (choice & 1) != 0 ? parameters : session;
  part = changed(part, input, (choice & 4) != 0);

  RecordingSink sink;
  QuicConnection& connection =
      pair.world.dial_again(pair.client, pair.server, sink,
                            transport::encode_ticket({parameters, session}), (choice & 2) == 0);
  if (connection.can_send_early()) {
    const auto id = connection.open_bidirectional();
    if (id) connection.write(*id, Buffer::copy(pattern(3000, 1)), true);
  }
  pair.world.run_for(std::chrono::milliseconds(200));
  FUZZ_CHECK(sink.is_connected() || sink.is_closed());
  FUZZ_CHECK(!sink.is_closed() || !sink.close_message().empty());
  // A session that the client changed is still sealed by the server: it decides what it was.
  if (sink.is_connected() && !sink.is_closed()) {
    const StreamId id = pair.send(connection, "hello", true);
    pair.world.run_for(std::chrono::milliseconds(200));
    FUZZ_CHECK(sink.is_closed() || pair.server_sink().stream(id).received == "hello");
  }
  connection.close(0, "over");
  world.rest();
  FUZZ_CHECK(sink.is_closed() && sink.broken_promises == 0);
  pair.client.endpoint->release(connection);
  return 0;
}
