// Clients that break the rules of HTTP/3 and QPACK (RFC 9114, RFC 9204).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/gateway/hostile_lab.h"

namespace echostream::testing {
namespace {

using http3::Field;
using http3::Fields;
using namespace std::chrono_literals;

std::string echo_with(const Fields& head) {
  return h3::frame(h3::kHeaders, h3::section(head)) + h3::data("{}");
}

struct BadRequest {
  const char* what;
  std::string bytes;
  const char* outcome;
};

std::vector<BadRequest> bad_requests() {
  const Field method{":method", "POST"}, scheme{":scheme", "https"}, path{":path", "/a/B"},
      authority{":authority", "a"};
  return {
      {"DATA before HEADERS", h3::data("x"), "closed 0x105"},
      {"a pseudo-header twice", echo_with({method, method, scheme, authority, path}),
       "reset 0x10e"},
      {"a pseudo-header is missing", echo_with({method, scheme, authority}), "reset 0x10e"},
      {"a pseudo-header of responses",
       echo_with({method, scheme, authority, path, {":status", "200"}}), "reset 0x10e"},
      {"a pseudo-header behind fields", echo_with({method, scheme, {"x", "y"}, authority, path}),
       "reset 0x10e"},
      {"CANCEL_PUSH on a request", h3::frame(h3::kCancelPush, h3::varint(0)), "closed 0x105"},
      {"SETTINGS on a request", h3::settings({}), "closed 0x105"},
      {"GOAWAY on a request", h3::frame(h3::kGoaway, h3::varint(0)), "closed 0x105"},
      {"PUSH_PROMISE of a client", h3::frame(h3::kPushPromise, h3::varint(0) + "xx"),
       "closed 0x105"},
      {"an index beyond the static table", h3::frame(h3::kHeaders, {"\0\0\xff\x80\x01", 5}),
       "closed 0x200"},
      {"an index into an empty table", h3::frame(h3::kHeaders, {"\0\0\x80", 3}), "closed 0x200"},
      {"a section that is cut off", h3::frame(h3::kHeaders, {"\0\0\x23", 3}), "closed 0x200"},
      {"a frame that is cut off", h3::frame_head(h3::kHeaders, 100) + std::string(2, '\0'),
       "closed 0x106"},
  };
}

TEST(HostileHttp3, H01_BrokenRequestsHaveTheirErrorCodes) {
  HostileLab lab;
  for (const BadRequest& bad : bad_requests()) {
    SCOPED_TRACE(bad.what);
    auto client = lab.attacker();
    EXPECT_EQ(lab.outcome(*client, bad.bytes), bad.outcome);
    EXPECT_TRUE(lab.serves_others());
  }
  EXPECT_EQ(lab.server_handler->calls, static_cast<int>(bad_requests().size()));
}

struct BadStream {
  const char* what;
  std::string control;  // behind its stream's type
  std::function<void(RawHttpClient&)> act;
  std::uint64_t code;
};

std::vector<BadStream> bad_streams() {
  const std::string fine = h3::settings({});
  const auto nothing = [](RawHttpClient&) {};
  return {
      {"no SETTINGS first", h3::frame(h3::kGoaway, h3::varint(0)), nothing, 0x10a},
      {"DATA on the control stream", fine + h3::data("x"), nothing, 0x105},
      {"HEADERS on the control stream", fine + h3::frame(h3::kHeaders, "xx"), nothing, 0x105},
      {"SETTINGS twice", fine + fine, nothing, 0x105},
      {"a setting twice", h3::settings({{6, 1000}, {6, 1000}}), nothing, 0x109},
      {"a setting of HTTP/2", h3::settings({{2, 0}}), nothing, 0x109},
      {"a setting of HTTP/2, the last", h3::settings({{5, 0}}), nothing, 0x109},
      {"SETTINGS that are cut off", h3::frame(h3::kSettings, "\x06"), nothing, 0x106},
      {"PUSH_PROMISE on the control stream", fine + h3::frame(h3::kPushPromise, "xx"), nothing,
       0x105},
      {"the control stream is closed", fine,
       [](RawHttpClient& client) { client.finish(client.control); }, 0x104},
      {"the control stream is reset", fine,
       [](RawHttpClient& client) { client.reset(client.control); }, 0x104},
      {"the encoder stream is closed", fine,
       [](RawHttpClient& client) { client.finish(client.encoder); }, 0x104},
      {"the decoder stream is closed", fine,
       [](RawHttpClient& client) { client.finish(client.decoder); }, 0x104},
      {"a push stream of a client", fine,
       [](RawHttpClient& client) { client.open_unidirectional(h3::varint(h3::kPush)); }, 0x103},
      {"a table larger than allowed", fine,
       [](RawHttpClient& client) {
         client.write(client.encoder, h3::prefixed(0x20, 5, 1'000'000));
       },
       0x201},
      {"an entry larger than the table", fine,
       [](RawHttpClient& client) {
         client.write(client.encoder, h3::prefixed(0x20, 5, 100) + h3::prefixed(0x40, 5, 20) +
                                          std::string(20, 'n') + h3::prefixed(0, 7, 200) +
                                          std::string(200, 'v'));
       },
       0x201},
      {"an Insert Count Increment of 0", fine,
       [](RawHttpClient& client) { client.write(client.decoder, std::string_view("\0", 1)); },
       0x202},
      {"an acknowledgement of nothing", fine,
       [](RawHttpClient& client) { client.write(client.decoder, "\x80"); }, 0x202},
  };
}

TEST(HostileHttp3, H01_BrokenControlStreamsHaveTheirErrorCodes) {
  HostileLab lab;
  for (const BadStream& bad : bad_streams()) {
    SCOPED_TRACE(bad.what);
    RawHttpOptions options;
    options.control = h3::varint(h3::kControl) + bad.control;
    auto client = lab.attacker(options);
    bad.act(*client);
    EXPECT_TRUE(lab.wait([&] { return client->is_closed(); }));
    EXPECT_EQ(lab.hex(client->close_code().value_or(0)), lab.hex(bad.code));
    EXPECT_TRUE(lab.serves_others());
  }
}

TEST(HostileHttp3, H03_ControlAndQpackStreamsThatAreOpenedAgainEndTheConnection) {
  HostileLab lab;
  for (const std::uint64_t type : {h3::kControl, h3::kEncoder, h3::kDecoder}) {
    auto client = lab.attacker();
    client->open_unidirectional(h3::varint(type));
    EXPECT_TRUE(lab.wait([&] { return client->is_closed(); })) << type;
    EXPECT_EQ(client->close_code(), 0x103u) << type;
    EXPECT_TRUE(lab.serves_others());
  }
}

// Sections that refer to an entry of the table that has not come.
TEST(HostileHttp3, H03_StreamsThatWaitForQpackAreBounded) {
  HostileLab lab;
  auto client = lab.attacker();
  client->write(client->encoder, h3::prefixed(0x20, 5, 4096));
  // Required insert count 1, base 0, entry 0 behind it.
  const std::string waiting = h3::frame(h3::kHeaders, {"\x02\x00\x10", 3});
  for (int i = 0; i < 16; ++i) client->request(waiting, false);
  lab.run_for(100ms);
  EXPECT_FALSE(client->is_closed());
  client->request(waiting, false);
  EXPECT_TRUE(lab.wait([&] { return client->is_closed(); }));
  EXPECT_EQ(client->close_code(), 0x200u);
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileHttp3, H03_StreamsOfUnknownTypesAreIgnored) {
  HostileLab lab;
  auto client = lab.attacker();
  for (int i = 0; i < 500; ++i) {
    client->open_unidirectional(h3::varint(0x21 + 0x1f * static_cast<std::uint64_t>(i)) + "junk");
  }
  const StreamId partial = client->open_unidirectional("\xc0");  // a type that is not all there
  EXPECT_TRUE(partial.is_valid());
  lab.run_for(100ms);
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}")), "200");
}

TEST(HostileHttp3, H02_HeadsOverTheLimitAreAnsweredWith431) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string large(20'000, 'v');
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"x", large}})), "431");
  Fields many;
  for (int i = 0; i < 1000; ++i) many.add("x-" + std::to_string(i), "v");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", many)), "431");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}")), "200");
  EXPECT_EQ(lab.server_handler->calls, 1);
}

TEST(HostileHttp3, H02_HeadersWithoutEndCloseTheConnectionBeforeTheyAreHeld) {
  const Fields bombs[] = {{{"x", std::string(70'000, 'v')}}, {}, {}};
  for (int which = 0; which < 3; ++which) {
    HostileLab lab;
    auto client = lab.attacker();
    Fields head;
    std::string bytes = h3::post("/lab.v1.Lab/Echo", "application/json", bombs[which]);
    if (which == 1) {  // 100,000 fields
      for (int i = 0; i < 100'000; ++i) head.add("x", "");
      bytes = h3::post("/lab.v1.Lab/Echo", "application/json", head);
    }
    if (which == 2) {  // one byte each, of the static table
      std::string section("\0\0", 2);
      section.append(1'000'000, static_cast<char>(0xc0 | 31));
      bytes = h3::frame(h3::kHeaders, section);
    }
    const std::size_t before = live_bytes();
    client->request(bytes, false);
    std::size_t most = 0;
    EXPECT_TRUE(lab.wait([&] {
      most = std::max(most, live_bytes());
      return client->is_closed();
    })) << which;
    EXPECT_THAT(client->close_code().value_or(0), ::testing::AnyOf(0x107u, 0x200u)) << which;
    EXPECT_LT(most, before + 4'000'000) << which;  // with what the client itself has to send
    EXPECT_TRUE(lab.serves_others()) << which;
  }
}

// Each announces a value of 64 KiB and says no more.
TEST(HostileHttp3, H02_HeadsThatStopWithinAFieldTakeABoundedAmount) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string field = h3::prefixed(0x20, 3, 1) + "x" + h3::prefixed(0x00, 7, 65'536) + "v";
  const std::string bytes = h3::frame_head(h3::kHeaders, 100'000) + std::string(2, '\0') + field;
  const std::size_t before = live_bytes();
  std::size_t most = 0;
  for (int i = 0; i < 1000 && !client->is_closed(); ++i) {
    client->request(bytes, false);
    lab.run_for(1ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_LT(most, before + 24'000'000);
  EXPECT_TRUE(lab.serves_others());
}

// A priority for a stream makes nghttp3 note the stream down, although nothing came on it.
TEST(HostileHttp3, H02_PrioritiesOfStreamsThatNeverComeTakeABoundedAmount) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::size_t before = live_bytes();
  std::size_t most = 0;
  std::uint64_t stream = 0;
  for (int round = 0; round < 200 && !client->is_closed(); ++round) {
    std::string updates;
    for (int i = 0; i < 1000; ++i, stream += 4) {
      updates += h3::frame(h3::kPriorityUpdate, h3::varint(stream) + "u=1");
    }
    client->write(client->control, updates);
    lab.run_for(20ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_LT(most, before + 24'000'000);
  EXPECT_TRUE(lab.serves_others());
}

// The bound is not one that an honest client meets.
TEST(HostileHttp3, H02_AThousandRequestsWithLargeHeadsAreServedAtOnce) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string bytes =
      json_post("Delay", R"({"number": "500"})", {{"x-large", std::string(6000, 'v')}});
  std::vector<StreamId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(client->request(bytes));
  EXPECT_TRUE(lab.wait([&] { return lab.server_handler->running == 1000; }));
  for (const StreamId id : ids) {
    ASSERT_TRUE(lab.wait_answer(*client, id));
    EXPECT_EQ(client->answer(id).status(), "200");
  }
}

TEST(HostileHttp3, H03_AClientThatTakesNoControlStreamsIsClosed) {
  HostileLab lab;
  RawHttpOptions options;
  options.quic.max_unidirectional_streams = 2;
  auto client = lab.attacker(options);
  EXPECT_TRUE(lab.wait([&] { return client->is_closed(); }));
  EXPECT_EQ(client->close_code(), 0x103u);
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileHttp3, H02_TrailersOverTheLimitCloseTheConnection) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string large(20'000, 'v');
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}") +
                                     h3::frame(h3::kHeaders, h3::section({{"x", large}}))),
            "closed 0x107");
  EXPECT_TRUE(lab.serves_others());
}

}  // namespace
}  // namespace echostream::testing
