// Servers that break the rules of HTTP/3: what they write goes straight to the QUIC connection.
#include <gmock/gmock.h>

#include "runtime/gateway/client/http_client_test_support.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::HasSubstr;

// HEADERS from QPACK's static table: ":status: 200"; and one that says 103.
const std::string kOkHead = "\x01\x03\x00\x00\xd9"s;
const std::string kEarlyHints = "\x01\x03\x00\x00\xd8"s;

void write_raw(HttpTestServer::Request& request, std::string_view bytes, bool fin) {
  request.connection.quic()->write(request.id, Buffer::copy(bytes), fin);
  request.connection.flush_soon();
}

// Answers with these bytes, and gives what the client makes of them.
Result<HttpResponse> fetch_raw(SimHttp& world, const std::string& bytes, bool fin) {
  world.server->on_end = [&](HttpTestServer::Request& request) { write_raw(request, bytes, fin); };
  HttpRequest request;
  request.timeout = 5s;
  return world.fetch(std::move(request));
}

TEST(HostileHttpServer, H01_AnAnswerThatIsNoneFailsItsRequest) {
  const struct {
    const char* what;
    std::string bytes;
  } kCases[] = {
      {"nothing", ""},
      {"only an interim response", kEarlyHints},
      {"DATA before HEADERS", "\x00\x01x"s},
      {"SETTINGS on a request's stream", "\x04\x00"s},
      {"a frame that is cut off", "\x01\x20\x00"s},
      {"a frame of HTTP/2", "\x02\x00"s},
      {"a field section that cannot be decoded", "\x01\x02\xff\xff"s},
      {"a length over all bounds", "\x01\xff\xff\xff\xff\xff\xff\xff\xff"s},
      {"HEADERS after trailers", kOkHead + "\x01\x03\x00\x00\x5f"s + kOkHead},
  };
  for (const auto& tested : kCases) {
    SCOPED_TRACE(tested.what);
    SimHttp world;
    ASSERT_TRUE(world.connect().is_ok());
    const auto response = fetch_raw(world, tested.bytes, true);
    ASSERT_FALSE(response);
    EXPECT_NE(response.status().code(), StatusCode::kDeadlineExceeded) << response.status();
    EXPECT_EQ(world.client->request_count(), 0u);
  }
}

TEST(HostileHttpServer, H01_RandomAnswersNeverHurt) {
  for_each_seed(200, [](std::uint64_t seed) {
    SimHttp world(seed);
    world.options.max_response_bytes = 10'000;
    ASSERT_TRUE(world.connect().is_ok());
    std::uint64_t state = seed * 0x9E3779B97F4A7C15ull;
    for (int round = 0; round < 5 && world.client->status().is_ok(); ++round) {
      std::string bytes = round % 2 == 0 ? kOkHead : ""s;
      for (std::uint64_t i = 0; i < seed % 40; ++i) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        // Frame types and lengths are small numbers.
        bytes += static_cast<char>((state >> 60) % 4 == 0 ? state >> 40 : (state >> 40) % 12);
      }
      (void)fetch_raw(world, bytes, seed % 3 != 0);
    }
    EXPECT_EQ(world.client->request_count(), 0u);
  });
}

TEST(HostileHttpServer, H01_ControlStreamsMustBeThereOnceAndStay) {
  for (const std::string& bytes :
       {"\x00"s, "\x02"s, "\x03"s, "\x01\x00"s, "\x00\x04\x00"s, "\x00\x00\x01x"s}) {
    SimHttp world;
    ASSERT_TRUE(world.connect().is_ok());
    world.run_for(100ms);
    transport::QuicConnection* quic = world.server->connections[0]->quic();
    const auto id = quic->open_unidirectional();
    ASSERT_TRUE(id);
    quic->write(*id, Buffer::copy(bytes), false);
    world.server->connections[0]->flush_soon();
    ASSERT_TRUE(world.run_until([&] { return !world.client->status().is_ok(); }));
    EXPECT_THAT(world.client->status().to_string(), HasSubstr("H3_"));
  }
}

TEST(HostileHttpServer, StreamsThatMeanNothingAreIgnored) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  world.run_for(100ms);
  transport::QuicConnection* quic = world.server->connections[0]->quic();
  for (int i = 0; i < 300; ++i) {
    const auto id = quic->open_unidirectional();
    if (id) quic->write(*id, Buffer::copy("\x21 anything"), true);  // reserved: RFC 9114 6.2.3
    world.server->connections[0]->flush_soon();
    world.run_for(10ms);
  }
  // A client takes no requests.
  EXPECT_FALSE(quic->open_bidirectional());
  world.server->on_end = [](HttpTestServer::Request& request) { request.answer(200, "ok"); };
  EXPECT_TRUE(world.fetch(HttpRequest()));
}

TEST(HostileHttpServer, BodiesOfOneByteFramesTakeNoMoreThanTheWindow) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  std::string frames = kOkHead;
  for (int i = 0; i < 300'000; ++i) frames += "\x00\x01x"s;
  world.server->on_end = [&](HttpTestServer::Request& request) {
    write_raw(request, frames, true);
  };
  auto exchange = world.client->request(HttpRequest());
  ASSERT_TRUE(exchange);
  world.run_for(10s);
  std::size_t received = 0;
  for (;;) {
    const auto piece = world.run(exchange->read());
    ASSERT_TRUE(piece) << piece.status();
    if (!*piece) break;
    received += (*piece)->size();
  }
  EXPECT_EQ(received, 300'000u);
}

TEST(HostileHttpServer, AFloodOfInterimResponsesEndsWithTheTimeout) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  std::string flood;
  for (int i = 0; i < 200'000; ++i) flood += kEarlyHints;
  const auto response = fetch_raw(world, flood, false);
  EXPECT_EQ(response.status().code(), StatusCode::kDeadlineExceeded);
  const auto good = fetch_raw(world, kOkHead + "\x00\x02ok"s, true);
  ASSERT_TRUE(good) << good.status();
  EXPECT_EQ(good->body.text(), "ok");
}

}  // namespace
}  // namespace echostream::testing
