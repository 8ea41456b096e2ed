#include "echostream/config.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/test_files.h"

namespace echostream {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::MessageDifferencer;
using testing::mode_of;
using testing::TemporaryFolder;
using testing::write_file;

constexpr WallTime kNow{1'800'000'000s};

std::string errors(std::string_view text, const std::string& name) {
  const auto read = parse_config(text, name);
  return read ? "" : std::string(read.error().message());
}

constexpr const char* kJson = R"({
  "node": {
    "identity": {"self_signed": {"name": "robot"}},
    "trust": {"fingerprints": ["00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"]},
    "idle_timeout_ms": 5000,
    "limits": {"maxMessageBytes": "2097152", "max_held_frames": 1e2},
    "congestion_control": "BBR",
    "shared_clock": {}
  },
  "loop": {"busy_poll_us": 50},
  "listen": ["127.0.0.1:4433", "[::1]:0"],
  "peers": [
    {"name": "base", "target": "base.example:4433", "reconnect": {"multiplier": 1.5}},
    {"target": "127.0.0.1:1", "connect": {"early_data": true}}
  ],
  "plugins": [
    {"load": {"path": "libgreeter.so", "settings": {"greeting": "hi", "list": [1, null, {"a": true}]}}}
  ]
})";

constexpr const char* kText = R"(
# The same.
node {
  identity { self_signed { name: "robot" } }
  trust {
    fingerprints: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                  "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
  }
  idle_timeout_ms: 5000
  limits { max_message_bytes: 0x200000, max_held_frames: 100 }
  congestion_control: BBR
  shared_clock {}
}
loop < busy_poll_us: 50 >
listen: ["127.0.0.1:4433"]
listen: "[::1]:0"
peers { name: "base" target: "base.example:4433" reconnect { multiplier: 1.5 } }
peers { target: "127.0.0.1:1" connect { early_data: true } }
plugins {
  load {
    path: "libgreeter.so"
    settings {
      fields { key: "greeting" value { string_value: "hi" } }
      fields {
        key: "list"
        value {
          list_value {
            values { number_value: 1 }
            values { null_value: NULL_VALUE }
            values { struct_value { fields { key: "a" value { bool_value: true } } } }
          }
        }
      }
    }
  }
}
)";

TEST(Config, BothFormatsAreReadAsProtobufReadsThem) {
  config::Config expected;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(kJson, &expected).ok());
  const auto json = parse_config(kJson, "robot.json");
  ASSERT_TRUE(json) << json.error();
  EXPECT_TRUE(MessageDifferencer::Equals(json->message(), expected));

  config::Config from_text;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kText, &from_text));
  const auto text = parse_config(kText, "robot.textproto");
  ASSERT_TRUE(text) << text.error();
  EXPECT_TRUE(MessageDifferencer::Equals(text->message(), from_text));
  EXPECT_TRUE(MessageDifferencer::Equals(text->message(), expected));
}

TEST(Config, ItsNameOrItsBeginningSaysWhichFormatAFileHas) {
  EXPECT_TRUE(parse_config("{\"listen\": []}", "x"));
  EXPECT_TRUE(parse_config("listen: \"[::]:0\"", "x"));
  EXPECT_TRUE(parse_config("\xef\xbb\xbf{}", "x.json"));
  EXPECT_TRUE(parse_config("", "x.textproto"));
  EXPECT_FALSE(parse_config("", "x.json"));
  EXPECT_FALSE(parse_config("{}", "x.textproto"));
}

struct Case {
  const char* name;
  const char* text;
  const char* expected;
};

class ConfigErrors : public ::testing::TestWithParam<Case> {};

TEST_P(ConfigErrors, NamePlaceAndWhatIsAllowed) {
  const Case& test = GetParam();
  const std::string found = errors(test.text, test.name);
  EXPECT_NE(found.find(test.expected), std::string::npos) << test.text << "\ngives\n" << found;
}

INSTANTIATE_TEST_SUITE_P(
    OfTheSchema, ConfigErrors,
    ::testing::Values(
        Case{"r.json", "{\n \"listn\": []}",
             "r.json:2:2: error: unknown field \"listn\"; did you mean \"listen\"? Fields here: "
             "node, loop, pool, listen, peers, plugins"},
        Case{"r.json", R"({"node": {"idle_timout_ms": 5}})",
             "r.json:1:11: error: unknown field \"idle_timout_ms\" in node; did you mean "
             "\"idle_timeout_ms\"? Fields here: identity, "},
        Case{"r.textproto", "loop {\n  zzzzzzzz: 1 }",
             "r.textproto:2:3: error: unknown field \"zzzzzzzz\" in loop; fields here: "
             "busy_poll_us"},
        Case{"r.json", R"({"node": {"congestion_control": "cubic"}})",
             "r.json:1:33: error: node.congestion_control: \"cubic\" is not one of CUBIC, "
             "NEW_RENO, BBR; did you mean \"CUBIC\"?"},
        Case{"r.textproto", "node { congestion_control: \"BBR\" }",
             "\"BBR\" is not one of CUBIC, NEW_RENO, BBR"},
        Case{"r.json", R"({"node": {"idle_timeout_ms": -1}})",
             "node.idle_timeout_ms: -1 is not a whole number from 0 to 31536000000"},
        Case{"r.json", R"({"node": {"idle_timeout_ms": "30s"}})",
             "node.idle_timeout_ms: \"30s\" is not a whole number"},
        Case{"r.json", R"({"node": {"idle_timeout_ms": 0.5}})", "0.5 is not a whole number"},
        Case{"r.json", R"({"node": {"max_sessions": 18446744073709551616}})",
             "18446744073709551616 is not a whole number from 0 to 18446744073709551615"},
        Case{"r.json", R"({"node": {"key_update_interval_ms": 5}})",
             "5 is not a whole number from 1000 to 31536000000, or 0"},
        Case{"r.json", R"({"node": {"max_udp_payload_bytes": 1199}})",
             "1199 is not a whole number from 1200 to 65527"},
        Case{"r.json", R"({"peers": [{"target": "a:1", "reconnect": {"multiplier": 0.9}}]})",
             "peers.0.reconnect.multiplier: 0.9 is not a number from 1 to 100"},
        Case{"r.json", R"({"node": {"resumption": "true"}})",
             "node.resumption: \"true\" is not true or false"},
        Case{"r.json", R"({"node": []})", "node: a list is not an object, {...}"},
        Case{"r.json", R"({"listen": "127.0.0.1:1"})",
             "listen: \"127.0.0.1:1\" is not a list, [...]"},
        Case{"r.json", R"({"listen": [5]})", "listen.0: 5 is not text in double quotes"},
        Case{"r.json", "{\"loop\": {},\n \"loop\": {}}",
             "r.json:2:2: error: loop is given twice; first in line 1"},
        Case{"r.textproto", "loop {}\nloop {}", "r.textproto:2:1: error: loop is given twice"},
        Case{"r.json", R"([])", "r.json:1:1: error: a list is not an object"},
        Case{"r.textproto", "listen: \"\\xff\"", "is not text in double quotes"}));

INSTANTIATE_TEST_SUITE_P(
    OfItsMeaning, ConfigErrors,
    ::testing::Values(
        Case{"r.json", "{\"listen\": [\"[::]:0\",\n\"localhost:1\"]}",
             "r.json:2:1: error: listen.1: "},
        Case{"r.json", R"({"node": {"trust": {}}})",
             "r.json:1:11: error: node.trust: give one of system: true, authorities_file, "
             "fingerprints, known_peers and insecure_accept_any: true"},
        Case{"r.json", R"({"node": {"trust": {"system": true, "known_peers": {"file": "p"}}}})",
             "not several"},
        Case{"r.json", R"({"node": {"trust": {"known_peers": {"first_use": "ACCEPT"}}}})",
             "r.json:1:21: error: node.trust.known_peers: file is missing"},
        Case{"r.json",
             R"({"node": {"client_trust": {"known_peers": {"file": "p", "first_use": "ACCEPT"}}}})",
             "node.client_trust.known_peers.first_use: is for peers that are dialled"},
        Case{"r.json", R"({"node": {"trust": {"system": true, "insecure_accept_any": true}}})",
             "not several"},
        Case{"r.json", R"({"node": {"trust": {"fingerprints": ["xyz"]}}})",
             "r.json:1:38: error: node.trust.fingerprints.0: "},
        Case{"r.json", R"({"node": {"identity": {}}})",
             "give certificate_chain_file and private_key_file, or self_signed"},
        Case{"r.json", R"({"node": {"identity": {"certificate_chain_file": "a.pem"}}})",
             "node.identity: private_key_file is missing"},
        Case{"r.json", R"({"node": {"more_identities": [{"self_signed": {}}]}})",
             "node.more_identities: node.identity, which all others see, is missing"},
        Case{"r.json", R"({"node": {"resumption": false, "ticket_cache": {}}})",
             "keeps tickets that are never used"},
        Case{"r.json", R"({"node": {"preferred_address": "host:1"}})", "node.preferred_address: "},
        Case{"r.json", R"({"node": {"limits": {"send_low_water_bytes": 300000}}})",
             "send_low_water_bytes (300000) must not be above send_high_water_bytes (262144)"},
        Case{"r.json", R"({"pool": {}, "node": {"shared_clock": {"node_id": 5}}})",
             "the nodes of a pool cannot all have the same id"},
        Case{"r.json", R"({"peers": [{}]})", "peers.0: target is missing"},
        Case{"r.json", R"({"peers": [{"target": "nowhere"}]})", "peers.0.target: "},
        Case{"r.json",
             R"({"peers": [{"name": "a", "target": "x:1"}, {"name": "a", "target": "y:1"}]})",
             "peers.1.name: \"a\" is the name of peers.0 already"},
        Case{"r.json", R"({"peers": [{"target": "x:1", "reconnect": {"max_delay_ms": 100}}]})",
             "initial_delay_ms (200) must not be above max_delay_ms (100)"},
        Case{"r.json",
             R"({"peers": [{"target": "x:1", "connect": {"resume": false, "early_data": true}}]})",
             "needs resume, which is false"},
        Case{"r.json", R"({"plugins": [{}]})", "plugins.0: names no plugin; give one of "},
        Case{"r.json", R"({"plugins": [{"load": {}}]})", "plugins.0.load: path is missing"}));

TEST(Config, TellsAllErrorsAtOnce) {
  std::vector<ConfigProblem> problems;
  const auto read = parse_config(
      "node {\n  idle_timeout_ms: -5\n  max_sesions: 1\n  resumption: maybe\n}\nlisten: 5\n",
      "robot.textproto", {}, &problems);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), StatusCode::kInvalidArgument);
  ASSERT_EQ(problems.size(), 4u) << read.error();
  EXPECT_EQ(problems[0].line, 2);
  EXPECT_EQ(problems[1].line, 3);
  EXPECT_EQ(problems[2].line, 4);
  EXPECT_EQ(problems[3].line, 6);
  EXPECT_EQ(problems[0].field, "node.idle_timeout_ms");
  EXPECT_EQ(problems[0].source, "robot.textproto");
}

TEST(Config, ASlipInJsonDoesNotHideTheOtherErrors) {
  std::vector<ConfigProblem> problems;
  const auto read = parse_config(
      "{\n\"node\": {\"idle_timeout_ms\": soon,\n \"max_sesions\": 1,\n },\n\"listn\": []\n}",
      "r.json", {}, &problems);
  ASSERT_FALSE(read);
  ASSERT_EQ(problems.size(), 4u) << read.error();
  EXPECT_EQ(problems[0].line, 2);  // soon without quotes, once
  EXPECT_EQ(problems[1].line, 3);  // the comma
  EXPECT_EQ(problems[2].line, 3);  // max_sesions
  EXPECT_EQ(problems[3].line, 5);  // listn
}

TEST(Config, TellsTwentyErrorsAtMost) {
  std::string text = "{";
  for (int i = 0; i < 50; ++i) text += (i > 0 ? ", " : "") + ("\"x" + std::to_string(i) + "\": 1");
  std::vector<ConfigProblem> problems;
  const auto read = parse_config(text + "}", "r.json", {}, &problems);
  ASSERT_FALSE(read);
  EXPECT_EQ(problems.size(), 20u);
  EXPECT_TRUE(read.error().message().ends_with("and 30 more errors"));
}

TEST(Config, WhatItCannotPrintItEscapes) {
  const std::string found = errors("{\"\\u001b[31m\\n\": 1}", "r.json");
  EXPECT_NE(found.find("unknown field \"\\x1b[31m\\x0a\""), std::string::npos) << found;
}

TEST(Config, RefusesWhatIsTooLarge) {
  EXPECT_NE(errors(std::string(1024 * 1024 + 1, ' '), "r.json").find("longer than 1 MiB"),
            std::string::npos);
}

TEST(Config, AMissingFileIsNamed) {
  const auto read = read_config("/nowhere/robot.json");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), StatusCode::kNotFound);
  EXPECT_NE(read.error().message().find("/nowhere/robot.json"), std::string::npos);
  EXPECT_EQ(read_config("/").error().code(), StatusCode::kInvalidArgument);
}

TEST(Config, NamesOfFilesBeginInTheFolderOfTheConfiguration) {
  const std::string text = R"({"node": {"static_secret_file": "secret",
      "trust": {"authorities_file": "/etc/ca.pem"}}})";
  const auto read = parse_config(text, "/etc/robot/robot.json");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->message().node().static_secret_file(), "/etc/robot/secret");
  EXPECT_EQ(read->message().node().trust().authorities_file(), "/etc/ca.pem");
  EXPECT_EQ(parse_config(text, "robot.json")->message().node().static_secret_file(), "secret");
}

// ---- Options.

TEST(Config, MakesTheOptionsOfANode) {
  const auto read = parse_config(kJson, "robot.json");
  ASSERT_TRUE(read);
  const auto options = node_options_from(*read, kNow);
  ASSERT_TRUE(options) << options.error();
  EXPECT_TRUE(options->identity);
  EXPECT_EQ(options->trust->mode(), Trust::Mode::kPinned);
  EXPECT_EQ(options->trust->fingerprints().size(), 1u);
  EXPECT_EQ(options->idle_timeout, 5s);
  EXPECT_EQ(options->limits.max_message_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(options->limits.max_metadata_bytes, Limits().max_metadata_bytes);
  EXPECT_EQ(options->congestion_control, CongestionControl::kBbr);
  EXPECT_TRUE(options->shared_clock);
  EXPECT_FALSE(options->log);
  EXPECT_EQ(loop_options_from(*read).busy_poll, 50us);
  const config::PeerConfig& base = read->message().peers(0);
  EXPECT_DOUBLE_EQ(reconnect_options_from(base).multiplier, 1.5);
  EXPECT_EQ(reconnect_options_from(base).max_delay, 30s);
  EXPECT_TRUE(connect_options_from(read->message().peers(1)).early_data);
}

TEST(Config, MakesTheOptionsOfHttpWhereItIsGiven) {
  EXPECT_FALSE(http_options_from(Configuration()));
  const auto plain = parse_config(R"({"http": {}})", "r.json");
  ASSERT_TRUE(plain && http_options_from(*plain));
  EXPECT_EQ(http_options_from(*plain)->body_timeout, HttpOptions().body_timeout);
  const auto read = parse_config(
      R"({"http": {"allowed_origins": ["https://a.example", "https://b.example"],
                   "allowed_hosts": ["robot.example"], "body_timeout_ms": 5, "console": true,
                   "tcp_side_door": true}})",
      "r.json");
  ASSERT_TRUE(read) << read.status();
  const auto options = http_options_from(*read);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->allowed_origins.size(), 2u);
  EXPECT_EQ(options->allowed_hosts, std::vector<std::string>{"robot.example"});
  EXPECT_EQ(options->body_timeout, 5ms);
  EXPECT_TRUE(options->console);
  EXPECT_TRUE(options->tcp_side_door);
}

TEST(Config, TakesPeersThatAResolverIsToFind) {
  const auto read = parse_config(R"({"peers": [{"target": "echostream+mdns:a.v1.B"}]})", "r.json");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->message().peers(0).target(), "echostream+mdns:a.v1.B");
  EXPECT_FALSE(parse_config(R"({"peers": [{"target": "echostream+mdns"}]})", "r.json"));
}

TEST(Config, MakesTrustInKnownPeersAndTheirFile) {
  const TemporaryFolder folder;
  const std::string file = folder / "known_peers";
  const auto read =
      parse_config("node { trust { known_peers { file: \"" + file + "\" first_use: ACCEPT } }\n" +
                       "client_trust { known_peers { file: \"" + file + "\" } } }",
                   "robot.textproto");
  ASSERT_TRUE(read) << read.error();
  const auto options = node_options_from(*read, kNow);
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->trust->mode(), Trust::Mode::kKnownPeers);
  EXPECT_EQ(options->trust->first_use(), FirstUse::kAccept);
  EXPECT_EQ(options->client_trust->first_use(), FirstUse::kRefuse);
  EXPECT_EQ(mode_of(file), 0600u);

  write_file(file, "what is this?\n");
  const auto damaged = node_options_from(*read, kNow);
  ASSERT_FALSE(damaged);
  const std::string said(damaged.error().message());
  EXPECT_NE(said.find("robot.textproto:1:30: error: node.trust.known_peers.file: "), said.npos)
      << said;
}

TEST(Config, MakesTheOptionsOfAPool) {
  const auto read = parse_config(
      R"({"pool": {"threads": 3}, "loop": {"busy_poll_us": 7}, "node": {"max_sessions": 5}})",
      "r.json");
  ASSERT_TRUE(read) << read.error();
  const auto options = node_pool_options_from(*read, kNow);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->threads, 3u);
  EXPECT_EQ(options->loop.busy_poll, 7us);
  EXPECT_EQ(options->node.max_sessions, 5u);
}

TEST(Config, TellsOfEachFileThatCannotBeUsedWhereItIsNamed) {
  const auto read = parse_config(
      "node {\n"
      "  identity { certificate_chain_file: \"/no/a.pem\"\n"
      "             private_key_file: \"/no/a.pem\" }\n"
      "  trust {\n"
      "    authorities_file: \"/no/ca.pem\" }\n"
      "  static_secret_file: \"/no/secret\" }",
      "r.textproto");
  ASSERT_TRUE(read) << read.error();
  std::vector<ConfigProblem> problems;
  const auto options = node_options_from(*read, kNow, &problems);
  ASSERT_FALSE(options);
  ASSERT_EQ(problems.size(), 3u) << options.error();
  EXPECT_EQ(problems[0].line, 2);
  EXPECT_EQ(problems[1].line, 5);
  EXPECT_EQ(problems[2].line, 6);
  EXPECT_NE(problems[2].message.find("/no/secret"), std::string::npos);
}

class SecretFile : public ::testing::Test {
 protected:
  SecretFile() : path_(::testing::TempDir() + "echostream_secret_" + std::to_string(getpid())) {}
  ~SecretFile() override { std::remove(path_.c_str()); }

  Result<NodeOptions> read(const std::string& content, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << content;
    chmod(path_.c_str(), mode);
    const auto configuration =
        parse_config("node { static_secret_file: \"" + path_ + "\" }", "r.textproto");
    return node_options_from(*configuration, kNow);
  }

  std::string path_;
};

TEST_F(SecretFile, IsThirtyTwoBytesOrTheirHexadecimalDigits) {
  const auto raw = read(std::string(32, 'k'), 0600);
  ASSERT_TRUE(raw) << raw.error();
  EXPECT_EQ((*raw->static_secret)[31], 'k');
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += "6b";
  const auto hexadecimal = read(digits + "\n", 0400);
  ASSERT_TRUE(hexadecimal) << hexadecimal.error();
  EXPECT_EQ(hexadecimal->static_secret, raw->static_secret);
}

TEST_F(SecretFile, IsRefusedWhenItIsNotOneOrOthersMayReadIt) {
  const auto short_one = read("abc", 0600);
  ASSERT_FALSE(short_one);
  EXPECT_NE(short_one.error().message().find("32 bytes or 64 hexadecimal"), std::string::npos);
  EXPECT_EQ(short_one.error().message().find("abc"), std::string::npos);
  const auto open_one = read(std::string(32, 'k'), 0644);
  ASSERT_FALSE(open_one);
  EXPECT_NE(open_one.error().message().find("chmod 600"), std::string::npos);
}

// ---- Printing.

TEST(Config, PrintsWhatHoldsAndReadsItAgain) {
  const auto read = parse_config(kJson, "robot.json");
  ASSERT_TRUE(read);
  const std::string json = print_config(*read, ConfigFormat::kJson);
  const std::string text = print_config(*read, ConfigFormat::kText);
  EXPECT_NE(text.find("handshake_timeout_ms: 10000"), std::string::npos) << text;
  EXPECT_NE(text.find("max_message_bytes: 2097152"), std::string::npos);
  EXPECT_NE(text.find("log_level: WARNING"), std::string::npos);
  const auto from_json = parse_config(json, "again.json");
  const auto from_text = parse_config(text, "again.textproto");
  ASSERT_TRUE(from_json) << from_json.error();
  // A pool's nodes would share no id; there is none here, so that both can be read.
  ASSERT_TRUE(from_text) << from_text.error();
  EXPECT_TRUE(MessageDifferencer::Equals(from_json->message(), from_text->message()));
  EXPECT_EQ(print_config(*from_json, ConfigFormat::kText), text);
}

TEST(Config, PrintsNoSecrets) {
  const auto read = parse_config(
      R"({"plugins": [{"load": {"path": "x.so", "settings": {
            "api_token": "hunter2", "nested": [{"password": ["hunter2"]}],
            "key_file": "/etc/key", "greeting": "hello"}}}]})",
      "r.json");
  ASSERT_TRUE(read) << read.error();
  for (const ConfigFormat format : {ConfigFormat::kJson, ConfigFormat::kText}) {
    const std::string text = print_config(*read, format);
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_NE(text.find("/etc/key"), std::string::npos);
    EXPECT_NE(text.find("hello"), std::string::npos);
  }
}

}  // namespace
}  // namespace echostream
