// Clients that cost as much as they can: floods, and those that stop half way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/gzip.h"
#include "tests/gateway/hostile_lab.h"

namespace echostream::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

Lab::Options impatient(Duration patience) {
  Lab::Options options;
  options.server_limits.stalled_peer_timeout = patience;
  return options;
}

HttpOptions slow_after(Duration patience) {
  HttpOptions options;
  options.body_timeout = patience;
  return options;
}

TEST(HostileLoad, S01_AHundredThousandRequestsThatAreResetAtOnceLeaveNothing) {
  HostileLab lab;
  std::size_t started = 0;
  std::size_t most = 0;
  const std::size_t before = live_bytes();
  const std::string bytes = json_post("Delay", R"({"number": "60000"})");
  while (started < 100'000) {
    auto client = lab.attacker();  // the one before was put out
    client->forgets = true;
    for (int rounds = 0; started < 100'000 && !client->is_closed() && rounds < 10'000; ++rounds) {
      for (int i = 0; i < 100; ++i) {
        const StreamId id = client->request(bytes, i % 2 == 0);
        if (!id.is_valid()) break;
        ++started;
        client->reset(id);
        client->stop_sending(id);
      }
      lab.run_for(5ms);
      most = std::max(most, live_bytes());
    }
    EXPECT_TRUE(lab.serves_others());
  }
  lab.run_for(31s);
  EXPECT_LT(most, before + 48'000'000);
  EXPECT_LT(live_bytes(), before + 2'000'000);
  EXPECT_EQ(lab.server_handler->running, 0);
}

// Streams that end before they say what they want are over on both sides: others can follow.
TEST(HostileLoad, S01_RequestsThatAreResetWithinTheirHeadsMakeRoomForOthers) {
  HostileLab lab;
  auto client = lab.attacker();
  for (int i = 0; i < 3000; ++i) {
    const StreamId id =
        client->request(i % 2 == 0 ? h3::frame_head(h3::kHeaders, 100) + "x" : "", false);
    ASSERT_TRUE(id.is_valid()) << i;
    lab.run_for(1ms);
    client->reset(id);
    lab.run_for(1ms);
  }
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}")), "200");
}

TEST(HostileLoad, S05_HeadsThatDoNotEndAreGivenUp) {
  HostileLab lab({}, slow_after(2s));
  auto client = lab.attacker();
  std::vector<StreamId> ids;
  const std::string head = json_post("Echo", "{}");
  for (std::size_t size : {1u, 2u, 3u, 20u, 60u}) {
    ids.push_back(client->request(head.substr(0, size), false));
  }
  // One waits for an entry of the table that never comes.
  client->write(client->encoder, h3::prefixed(0x20, 5, 4096));
  ids.push_back(client->request(h3::frame(h3::kHeaders, {"\x02\x00\x10", 3}), true));
  lab.run_for(1s);
  for (const StreamId id : ids) EXPECT_FALSE(client->answer(id).is_over());
  // Trickling does not help.
  client->write(ids[4], head.substr(60, 1));
  lab.run_for(2s);
  for (const StreamId id : ids) EXPECT_EQ(client->answer(id).reset_code, 0x10du) << id.value;
  EXPECT_FALSE(client->is_closed());
  EXPECT_EQ(lab.outcome(*client, head), "200");
}

TEST(HostileLoad, S05_BodiesThatTrickleAreGivenUp) {
  HostileLab lab({}, slow_after(2s));
  auto client = lab.attacker();
  const StreamId id = client->request(
      h3::post("/lab.v1.Lab/Echo", "application/json") + h3::frame_head(h3::kData, 1000), false);
  for (int i = 0; i < 30 && client->answer(id).head.empty(); ++i) {
    lab.run_for(100ms);
    client->write(id, " ");
  }
  EXPECT_EQ(client->answer(id).status(), "504");
  EXPECT_EQ(lab.server_handler->calls, 0);
}

TEST(HostileLoad, ThousandsOfHalfSentBodiesAreBoundedTogether) {
  Lab::Options options;
  options.server_limits.max_session_bytes = 4'000'000;
  HostileLab lab(options);
  auto client = lab.attacker();
  const std::string half = h3::post("/lab.v1.Lab/Echo", "application/json") +
                           h3::frame_head(h3::kData, 500'000) + std::string(100'000, ' ');
  const std::size_t before = live_bytes();
  std::size_t most = 0;
  std::vector<StreamId> ids;
  for (int i = 0; i < 1000; ++i) {
    const StreamId id = client->request(half, false);
    if (!id.is_valid()) break;
    ids.push_back(id);
    lab.run_for(5ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_LT(most, before + 24'000'000);
  EXPECT_EQ(client->answer(ids.back()).status(), "429");
  EXPECT_THAT(client->answer(ids.back()).body, HasSubstr("resource_exhausted"));
  EXPECT_EQ(client->answer(ids.front()).status(), "") << "those that fit stay";
  EXPECT_TRUE(lab.serves_others());
}

// gRPC tells where a message ends: it is complete before its request is, and waits.
TEST(HostileLoad, ThousandsOfMessagesWhoseRequestsDoNotEndAreBoundedTogether) {
  Lab::Options options;
  options.server_limits.max_session_bytes = 4'000'000;
  HostileLab lab(options, slow_after(20s));
  auto client = lab.attacker();
  // A text of 99,996 bytes in field 1, which the method would send back.
  const std::string message = std::string("\x0a\x9c\x8d\x06", 4) + std::string(99'996, 'x');
  const std::string length = {'\0', '\0', '\x01', '\x86', '\xa0'};
  const std::string whole =
      h3::post("/lab.v1.Lab/Echo", "application/grpc") + h3::data(length + message);
  const std::size_t before = live_bytes();
  std::size_t most = 0;
  std::vector<StreamId> ids;
  for (int i = 0; i < 300; ++i) {
    const StreamId id = client->request(whole, false);
    if (!id.is_valid()) break;
    ids.push_back(id);
    lab.run_for(5ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_LT(most, before + 24'000'000);
  EXPECT_EQ(client->answer(ids.back()).head.get("grpc-status"), "8");
  EXPECT_EQ(lab.server_handler->calls, 0) << "none of them is complete";
  EXPECT_TRUE(lab.serves_others());
  // Those that fit are served when they end, or given up.
  client->finish(ids[0]);
  ASSERT_TRUE(lab.wait_answer(*client, ids[0]));
  EXPECT_EQ(client->answer(ids[0]).trailers.get("grpc-status"), "0");
  EXPECT_EQ(client->answer(ids[0]).body.size(), 100'005u);
  EXPECT_EQ(client->answer(ids[1]).status(), "");
  lab.run_for(25s);
  EXPECT_EQ(client->answer(ids[1]).head.get("grpc-status"), "4");
  EXPECT_LT(live_bytes(), before + 2'000'000);
}

// The query of a GET can hold a message that unpacks to a thousand times as much.
TEST(HostileLoad, R05_PackedMessagesOfGetsThatDoNotEndAreBoundedTogether) {
  Lab::Options options;
  options.server_limits.max_session_bytes = 4'000'000;
  HostileLab lab(options);
  auto client = lab.attacker();
  const std::string json = R"({"text": ")" + std::string(900'000, ' ') + R"("})";
  const std::optional<Buffer> packed = gateway::gzip(Buffer::copy(json));
  ASSERT_TRUE(packed);
  std::string base64 = gateway::to_base64(*packed);
  std::replace(base64.begin(), base64.end(), '+', '-');
  std::replace(base64.begin(), base64.end(), '/', '_');
  const std::string path =
      "/lab.v1.Lab/Echo?connect=v1&encoding=json&compression=gzip&base64=1&message=" + base64;
  const std::string get = h3::frame(h3::kHeaders, h3::section({{":method", "GET"},
                                                               {":scheme", "https"},
                                                               {":authority", "localhost"},
                                                               {":path", path}}));
  const std::size_t before = live_bytes();
  std::size_t most = 0;
  std::vector<StreamId> ids;
  for (int i = 0; i < 90; ++i) {
    ids.push_back(client->request(get, false));
    ASSERT_TRUE(ids.back().is_valid());
    lab.run_for(5ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_LT(most, before + 24'000'000);
  EXPECT_EQ(client->answer(ids.front()).status(), "");
  EXPECT_EQ(client->answer(ids.back()).status(), "429");
  client->finish(ids[0]);
  ASSERT_TRUE(lab.wait_answer(*client, ids[0]));
  EXPECT_EQ(client->answer(ids[0]).status(), "200");
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileLoad, S04_AClientThatNeverReadsStallsItsOwnStreamsAndTheyAreGivenUp) {
  HostileLab lab(impatient(2s));
  RawHttpOptions raw;
  raw.quic.stream_window_bytes = 16 * 1024;
  auto client = lab.attacker(raw);
  client->consumes = false;
  const std::string endless = h3::post("/lab.v1.Lab/CountUp", "application/connect+json") +
                              h3::data(envelope(R"({"count": "100000000"})"));
  const std::size_t before = live_bytes();
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(client->request(endless));
  // Answers of calls that have ended wait as well, and one that never was a call.
  const std::string text(600'000, 'x');
  ids.push_back(client->request(json_post("Echo", R"({"text": ")" + text + R"("})")));
  lab.run_for(1s);
  EXPECT_EQ(lab.server_handler->running, 20);
  EXPECT_LT(live_bytes(), before + 64'000'000);
  EXPECT_EQ(lab.outcome(*client, json_post("Echo", "{}")), "200") << "its other streams go on";
  EXPECT_TRUE(lab.serves_others());
  lab.run_for(4s);
  for (const StreamId id : ids) EXPECT_TRUE(client->answer(id).reset_code) << id.value;
  EXPECT_EQ(lab.server_handler->running, 0);
  EXPECT_FALSE(client->is_closed());
  EXPECT_LT(live_bytes(), before + 5'000'000);
}

// What is counted is what is held: small messages must not cost many times their bytes.
TEST(HostileLoad, S04_SmallMessagesThatNobodyReadsCostLittleMoreThanTheirBytes) {
  for (const char* method : {"CountUp", "Datagrams", "Expiring"}) {
    Lab::Options options;
    options.server_limits.send_high_water_bytes = 1'000'000;
    HostileLab lab(options);
    lab.server_handler->frame_bytes = 1;
    RawHttpOptions raw;
    raw.quic.stream_window_bytes = 16 * 1024;
    auto client = lab.attacker(raw);
    client->consumes = false;
    const std::string endless =
        h3::post(std::string("/lab.v1.Lab/") + method, "application/connect+proto") +
        h3::data(envelope(std::string("\x08\xff\xff\xff\x3f", 5)));
    const std::size_t before = live_bytes();
    for (int i = 0; i < 10; ++i) client->request(endless);
    lab.run_for(5s);
    EXPECT_EQ(lab.server_handler->running, 10) << method;
    EXPECT_LT(live_bytes(), before + 15'000'000) << method;
    EXPECT_TRUE(lab.serves_others()) << method;
  }
}

// Each has frames that wait for it; the node must not ask for ever whether it has read.
TEST(HostileLoad, S04_AClientThatReadsNoFramesDoesNotMakeTheNodeSpin) {
  HostileLab lab;
  RawHttpOptions raw;
  raw.quic.stream_window_bytes = 16 * 1024;
  auto client = lab.attacker(raw);
  client->consumes = false;
  for (const char* method : {"Datagrams", "Expiring", "CountUp"}) {
    const std::string endless =
        h3::post(std::string("/lab.v1.Lab/") + method, "application/connect+json") +
        h3::data(envelope(R"({"count": "100000000"})"));
    for (int i = 0; i < 10; ++i) client->request(endless);
  }
  lab.run_for(60s);  // of virtual time, which would stand still
  EXPECT_TRUE(lab.serves_others());
}

TEST(HostileLoad, S04_RefusalsThatNobodyReadsAreGivenUp) {
  HostileLab lab(impatient(2s));
  RawHttpOptions raw;
  raw.quic.stream_window_bytes = 16;
  auto client = lab.attacker(raw);
  client->consumes = false;
  std::vector<StreamId> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(client->request(json_post("NoSuchMethodHere", "{}")));
  }
  lab.run_for(1s);
  for (const StreamId id : ids) EXPECT_FALSE(client->answer(id).is_over()) << id.value;
  lab.run_for(3s);
  for (const StreamId id : ids) EXPECT_TRUE(client->answer(id).reset_code) << id.value;
}

}  // namespace
}  // namespace echostream::testing
