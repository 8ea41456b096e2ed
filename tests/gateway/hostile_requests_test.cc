// Requests that are none, lie, or ask for what may not be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "tests/gateway/hostile_lab.h"

namespace echostream::testing {
namespace {

using http3::Fields;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr char kConnectJson[] = "application/connect+json";
constexpr char kGrpc[] = "application/grpc+proto";

std::string head_of(const Fields& fields) { return h3::frame(h3::kHeaders, h3::section(fields)); }

std::string with_method(const std::string& method, const std::string& path = "/lab.v1.Lab/Echo") {
  return head_of({{":method", method},
                  {":scheme", "https"},
                  {":authority", "10.0.0.1:4433"},
                  {":path", path}});
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// The whole answer to such bytes.
RawHttpClient::Answer answer_to(HostileLab& lab, RawHttpClient& client, std::string_view bytes,
                                bool fin = true) {
  const StreamId id = client.request(bytes, fin);
  EXPECT_TRUE(lab.wait_answer(client, id));
  return client.answer(id);
}

TEST(HostileRequests, H05_VerbsAndPathsThatAreNoneAreRefused) {
  HostileLab lab;
  auto client = lab.attacker();
  for (const char* verb : {"TRACE", "HEAD", "PUT", "DELETE", "PATCH", "POST2", "get"}) {
    EXPECT_EQ(lab.outcome(*client, with_method(verb)), "405") << verb;
  }
  EXPECT_EQ(answer_to(lab, *client, with_method("HEAD")).body, "") << "RFC 9110 9.3.2";
  EXPECT_EQ(lab.outcome(*client, with_method("OPTIONS")), "204");
  // CONNECT without what it needs, and with what HTTP/3 does not know.
  EXPECT_EQ(lab.outcome(*client, with_method("CONNECT")), "reset 0x10e");
  EXPECT_EQ(lab.outcome(*client, head_of({{":method", "CONNECT"}, {":authority", "a:1"}})), "405");
  EXPECT_EQ(lab.outcome(*client, head_of({{":method", "CONNECT"},
                                          {":protocol", "websocket"},
                                          {":scheme", "https"},
                                          {":authority", "10.0.0.1:4433"},
                                          {":path", "/"}})),
            "reset 0x10e");
  for (const char* path :
       {"/", "/..", "/../../etc/passwd", "/lab.v1.Lab/../lab.v1.Lab/Echo", "/lab.v1.Lab/Echo%00",
        "/lab.v1.Lab/%45cho/x", "//lab.v1.Lab/Echo", "/lab.v1.Lab/Echo/", "/lab.v1.Lab/Echo;x=1",
        "/lab.v1.Lab\\Echo", "/lab.v1.Lab/"}) {
    EXPECT_EQ(lab.outcome(*client, h3::post(path, "application/json") + h3::data("{}")), "404")
        << path;
  }
  EXPECT_EQ(lab.outcome(*client, h3::post("*", "application/json")), "reset 0x10e");
  EXPECT_EQ(
      lab.outcome(
          *client,
          head_of({{":method", "POST"}, {":scheme", "https"}, {":path", "/lab.v1.Lab/Echo"}})),
      "reset 0x10e")
      << "no authority";
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_FALSE(client->is_closed());
}

TEST(HostileRequests, LengthsThatLieEndTheRequestAlone) {
  HostileLab lab;
  auto client = lab.attacker();
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-length", "1"}})),
            "reset 0x10e");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-length", "3"}})),
            "reset 0x10e");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-length", "-1"}})),
            "reset 0x10e");
  EXPECT_EQ(
      lab.outcome(*client, json_post("Echo", "{}", {{"content-length", "99999999999999"}}), false),
      "429")
      << "before anything of it has come";
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-length", "2"}})), "200");
  EXPECT_EQ(lab.server_handler->calls, 1);
}

TEST(HostileRequests, TrailersOfClientsAreNoMetadata) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string trailers =
      h3::frame(h3::kHeaders, h3::section({{"authorization", "Bearer x"}, {"x-echo", "late"}}));
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}") + trailers), "200");
  EXPECT_FALSE(lab.server_handler->last_metadata.find("x-echo"));
  // Pseudo-headers have no place there, and nothing has one behind them.
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}") +
                                     h3::frame(h3::kHeaders, h3::section({{":path", "/"}}))),
            "reset 0x10e");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}") + trailers + h3::data("{}")),
            "closed 0x105");
  EXPECT_TRUE(lab.serves_others());
}

struct BadEnvelope {
  const char* what;
  std::string body;
  const char* code;  // Connect's
};

TEST(HostileRequests, R02_EnvelopesThatAreBrokenAreRefused) {
  HostileLab lab;
  const std::string huge("\0\xff\xff\xff\xff", 5);
  const BadEnvelope kBad[] = {
      {"four GiB are announced", huge, "resource_exhausted"},
      {"a flag that nobody knows", envelope("{}", 0x40), "invalid_argument"},
      {"compressed, and nobody said how", envelope("{}", 1), "in"},  // invalid_argument, internal
      {"an end of stream", envelope("{}", 2), "invalid_argument"},
      {"cut off in its head", std::string("\0\0\0", 3), "invalid_argument"},
      {"cut off in its message", envelope("{\"count\":\"3\"}").substr(0, 9), "invalid_argument"},
      {"two where one is taken", envelope("{}") + envelope("{}"), "unimplemented"},
      {"none where one is needed", "", "unimplemented"},
  };
  for (const BadEnvelope& bad : kBad) {
    SCOPED_TRACE(bad.what);
    auto client = lab.attacker();
    const auto connect =
        answer_to(lab, *client, h3::post("/lab.v1.Lab/CountUp", kConnectJson) + h3::data(bad.body));
    EXPECT_EQ(connect.status(), "200");
    EXPECT_THAT(connect.body, HasSubstr(std::string("\"code\":\"") + bad.code));
    const auto grpc = answer_to(
        lab, *client,
        h3::post("/lab.v1.Lab/CountUp", kGrpc, {{"te", "trailers"}}) + h3::data(bad.body));
    const std::string_view status = grpc.trailers.has("grpc-status")
                                        ? grpc.trailers.get("grpc-status")
                                        : grpc.head.get("grpc-status");
    EXPECT_THAT(std::string(status), AnyOf("3", "8", "12", "13")) << bad.what;
    EXPECT_FALSE(client->is_closed());
  }
  EXPECT_EQ(lab.server_handler->running, 0);
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileRequests, R02_RandomBodiesEndInAnAnswer) {
  HostileLab lab;
  auto client = lab.attacker();
  std::uint64_t state = 1;
  const auto next = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state >> 33);
  };
  for (int i = 0; i < 400; ++i) {
    std::string body;
    for (std::uint32_t left = next() % 60; left > 0; --left) {
      body += static_cast<char>(next() % 3 == 0 ? next() : next() % 4);
    }
    const char* types[] = {kConnectJson,
                           kGrpc,
                           "application/grpc-web+json",
                           "application/grpc-web-text",
                           "application/json",
                           "application/proto"};
    const char* methods[] = {"CountUp", "Sum", "Mirror", "Echo", "Note", "News"};
    const std::string path = std::string("/lab.v1.Lab/") + methods[next() % 6];
    const StreamId id = client->request(h3::post(path, types[next() % 6]) + h3::data(body));
    if (!lab.wait_answer(*client, id, 1s)) client->reset(id);  // a subscription goes on
    ASSERT_FALSE(client->is_closed()) << client->close_reason();
  }
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileRequests, R05_BodiesThatUnpackToMoreThanAllowedAreRefused) {
  HostileLab lab;
  auto client = lab.attacker();
  const std::string zeros(16'000'000, '\0');
  const std::string bomb = gzip(zeros);
  const Fields packed{{"content-encoding", "gzip"}};
  const std::size_t before = live_bytes();
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", bomb, packed)), "429");
  // gzip of gzip is taken for what it is: no JSON.
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", gzip(bomb), packed)), "400");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", gzip("{}") + gzip("{}"), packed)), "400");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", gzip("{}").substr(0, 12), packed)), "400");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", packed)), "400");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-encoding", "zstd"}})), "501");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"content-encoding", "gzip, gzip"}})),
            "501");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", gzip("{}"), packed)), "200");
  const auto stream =
      answer_to(lab, *client,
                h3::post("/lab.v1.Lab/Sum", kConnectJson, {{"connect-content-encoding", "gzip"}}) +
                    h3::data(envelope(bomb, 1)));
  EXPECT_THAT(stream.body, HasSubstr("resource_exhausted"));
  EXPECT_LT(live_bytes(), before + 1'000'000);
  EXPECT_EQ(lab.server_handler->calls, 1);
}

TEST(HostileRequests, R07_MetadataCannotBreakOutOfItsPlace) {
  HostileLab lab;
  auto client = lab.attacker();
  // What HTTP does not allow in a value never reaches a handler.
  for (const char* value : {"a\r\nx-injected: 1", "a\nb", "a\rb"}) {
    const std::string outcome = lab.outcome(*client, json_post("Echo", "{}", {{"x-echo", value}}));
    EXPECT_THAT(outcome, AnyOf("200", "400", "reset 0x10e")) << value;
    EXPECT_FALSE(lab.server_handler->last_metadata.find("x-echo")) << value;
  }
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"x-bin", "no base64!"}})), "400");
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}", {{"X-Upper", "1"}})), "reset 0x10e");
  // Twice is allowed, and is two.
  const auto twice =
      answer_to(lab, *client, json_post("Echo", "{}", {{"x-echo", "a"}, {"x-echo", "b"}}));
  EXPECT_EQ(twice.status(), "200");
  EXPECT_EQ(lab.server_handler->last_metadata.find("x-echo"), "a");
  // What is not ASCII stays what it was, or is refused.
  EXPECT_THAT(lab.outcome(*client, json_post("Echo", "{}", {{"x-echo", "\xc3\xa4\xff"}})),
              AnyOf("200", "400"));
  Fields many;
  for (int i = 0; i < 200; ++i) many.add("k" + std::to_string(i), std::string(60, 'v'));
  EXPECT_THAT(lab.outcome(*client, json_post("Echo", "{}", many)), AnyOf("429", "431"));
  EXPECT_FALSE(client->is_closed());
}

TEST(HostileRequests, R08_AGetOfWhatHasSideEffectsIsRefused) {
  HostileLab lab;
  auto client = lab.attacker();
  const auto get = [](const std::string& path) { return with_method("GET", path); };
  const std::string query = "?connect=v1&encoding=json&message=%7B%7D";
  for (const char* method :
       {"Fail", "Delay", "Note", "Throw", "WhoAmI", "News", "CountUp", "Sum"}) {
    EXPECT_EQ(lab.outcome(*client, get(std::string("/lab.v1.Lab/") + method + query)), "405");
  }
  EXPECT_EQ(lab.outcome(*client, get("/lab.v1.Lab/Echo" + query)), "200");
  for (const char* broken :
       {"?connect=v1&encoding=json&base64=1&message=!!", "?connect=v1&encoding=json&message=%7",
        "?connect=v1&encoding=json&message=%zz", "?connect=v2&encoding=json&message=%7B%7D",
        "?connect=v1&encoding=json&compression=gzip&message=%7B%7D"}) {
    EXPECT_EQ(lab.outcome(*client, get(std::string("/lab.v1.Lab/Echo") + broken)), "400") << broken;
  }
  EXPECT_EQ(lab.server_handler->calls, 1);
  EXPECT_TRUE(lab.server_handler->notes.empty());
}

}  // namespace
}  // namespace echostream::testing
