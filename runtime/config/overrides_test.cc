#include <gtest/gtest.h>

#include "echostream/config.h"

namespace echostream {
namespace {

constexpr const char* kFile = R"({
  "node": {"idle_timeout_ms": 1000, "max_sessions": 10},
  "listen": ["127.0.0.1:1", "127.0.0.1:2"],
  "peers": [{"target": "a:1"}]
})";

ConfigOverrides environment(std::vector<std::string> variables) {
  ConfigOverrides overrides;
  overrides.environment = std::move(variables);
  return overrides;
}
ConfigOverrides settings(std::vector<std::string> settings) {
  ConfigOverrides overrides;
  overrides.settings = std::move(settings);
  return overrides;
}

config::Config read(const ConfigOverrides& overrides) {
  const auto configuration = parse_config(kFile, "r.json", overrides);
  EXPECT_TRUE(configuration) << configuration.error();
  return configuration ? configuration->message() : config::Config();
}
std::string errors(const ConfigOverrides& overrides) {
  const auto configuration = parse_config(kFile, "r.json", overrides);
  return configuration ? "" : std::string(configuration.error().message());
}

TEST(ConfigOverrides, TheEnvironmentIsOverTheFileAndTheCommandLineOverBoth) {
  ConfigOverrides overrides =
      environment({"ECHOSTREAM_NODE__IDLE_TIMEOUT_MS=2000", "ECHOSTREAM_NODE__MAX_SESSIONS=20"});
  overrides.settings = {"node.max_sessions=30"};
  const config::Config config = read(overrides);
  EXPECT_EQ(config.node().idle_timeout_ms(), 2000);
  EXPECT_EQ(config.node().max_sessions(), 30u);
}

TEST(ConfigOverrides, SetWhatTheFileDoesNotName) {
  const config::Config config = read(environment({
      "ECHOSTREAM_NODE__LIMITS__MAX_MESSAGE_BYTES=5",
      "ECHOSTREAM_NODE__CONGESTION_CONTROL=BBR",
      "ECHOSTREAM_NODE__RESUMPTION=false",
      "ECHOSTREAM_NODE__SHARED_CLOCK={}",
      "ECHOSTREAM_NODE__TRUST__AUTHORITIES_FILE=ca.pem",
  }));
  EXPECT_EQ(config.node().limits().max_message_bytes(), 5u);
  EXPECT_EQ(config.node().congestion_control(), config::NodeConfig::BBR);
  EXPECT_FALSE(config.node().resumption());
  EXPECT_TRUE(config.node().has_shared_clock());
  EXPECT_EQ(config.node().trust().authorities_file(), "ca.pem");
}

TEST(ConfigOverrides, AddMoreThanTenElementsOfAList) {
  std::vector<std::string> variables;
  for (int i = 11; i >= 0; --i) {
    variables.push_back("ECHOSTREAM_PEERS__" + std::to_string(i) +
                        "__TARGET=host:" + std::to_string(i + 1));
  }
  const config::Config config = read(environment(variables));
  ASSERT_EQ(config.peers_size(), 12);
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(config.peers(i).target(), "host:" + std::to_string(i + 1));
  }
}

TEST(ConfigOverrides, ReplaceListsAndChangeTheirElements) {
  EXPECT_EQ(read(environment({"ECHOSTREAM_LISTEN=[::]:9"})).listen_size(), 1);
  EXPECT_EQ(read(environment({"ECHOSTREAM_LISTEN=[\"[::]:9\", \"[::]:8\"]"})).listen(1), "[::]:8");
  const config::Config config =
      read(settings({"listen.1=[::]:9", "listen.2=[::]:10", "peers.0.name=base",
                     "peers.1.target=b:2", "peers.1.reconnect.fail_fast=true"}));
  ASSERT_EQ(config.listen_size(), 3);
  EXPECT_EQ(config.listen(0), "127.0.0.1:1");
  EXPECT_EQ(config.listen(1), "[::]:9");
  EXPECT_EQ(config.listen(2), "[::]:10");
  ASSERT_EQ(config.peers_size(), 2);
  EXPECT_EQ(config.peers(0).target(), "a:1");
  EXPECT_EQ(config.peers(0).name(), "base");
  EXPECT_TRUE(config.peers(1).reconnect().fail_fast());
}

TEST(ConfigOverrides, ObjectsAreJsonAndChangeWhatIsThere) {
  const config::Config config =
      read(settings({"node={\"max_sessions\": 7}",
                     "plugins=[{\"load\": {\"path\": \"x.so\", \"settings\": {\"a\": [1]}}}]"}));
  EXPECT_EQ(config.node().max_sessions(), 7u);
  EXPECT_EQ(config.node().idle_timeout_ms(), 1000);
  EXPECT_EQ(config.plugins(0).load().settings().fields().size(), 1u);
}

TEST(ConfigOverrides, UnknownOnesAreErrorsThatNameTheNearest) {
  const std::pair<ConfigOverrides, const char*> cases[] = {
      {environment({"ECHOSTREAM_NODE__IDLE_TIMOUT_MS=1"}),
       "environment variable ECHOSTREAM_NODE__IDLE_TIMOUT_MS: error: there is no setting "
       "\"node.idle_timout_ms\"; did you mean \"idle_timeout_ms\"? Fields here: "},
      {environment({"ECHOSTREAM_NOD__X=1"}), "there is no setting \"nod\"; did you mean \"node\"?"},
      {environment({"ECHOSTREAM_LISTN=1"}), "there is no setting \"listn\"; did you mean"},
      {environment({"ECHOSTREAM_NODE__IDLE_TIMEOUT_MS=soon"}),
       "ECHOSTREAM_NODE__IDLE_TIMEOUT_MS: error: node.idle_timeout_ms: \"soon\" is not a whole "
       "number from 0"},
      {environment({"ECHOSTREAM_NODE=fast"}), "node: \"fast\" is not a JSON object"},
      {environment({"ECHOSTREAM_LISTEN=[\"a\""}),
       "environment variable ECHOSTREAM_LISTEN:1:5: error"},
      {settings({"node.idle_timeout_ms"}), "command line: error: \"node.idle_timeout_ms\" is no "},
      {settings({"node.idle_timeout_ms.x=1"}), "node.idle_timeout_ms has no settings below it"},
      {settings({"peers.2.target=x:1"}), "peers has 1 elements, numbered from 0; \"2\" is none"},
      {settings({"peers.-1.target=x:1"}), "\"-1\" is none"},
      {settings({"peers.0.target=nowhere"}), "command line: error: peers.0.target: "},
      {settings({"=1"}), "there is no setting \"\""},
      {settings({"listen.0.x=1"}), "listen.0 has no settings below it"},
  };
  for (const auto& [overrides, expected] : cases) {
    const std::string found = errors(overrides);
    EXPECT_NE(found.find(expected), std::string::npos) << expected << "\nnot in\n" << found;
  }
}

TEST(ConfigOverrides, OtherVariablesAreLeftAlone) {
  read(environment({"PATH=/bin", "ECHOSTREAM_LOG=debug", "ECHOSTREAM_SEEDS=5", "ECHOSTREAM_=", "X",
                    "echostream_listn=1"}));
}

TEST(ConfigOverrides, AreEnoughWithoutAFile) {
  const auto configuration = read_config("", settings({"loop.busy_poll_us=9"}));
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->message().loop().busy_poll_us(), 9);
}

TEST(ConfigOverrides, ComeFromThisProcess) {
  setenv("ECHOSTREAM_LOOP__BUSY_POLL_US", "11", 1);
  const auto configuration = read_config("", ConfigOverrides::from_environment());
  unsetenv("ECHOSTREAM_LOOP__BUSY_POLL_US");
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->message().loop().busy_poll_us(), 11);
}

}  // namespace
}  // namespace echostream
