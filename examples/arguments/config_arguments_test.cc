#include "arguments/config_arguments.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace examples {
namespace {

using echostream::Configuration;
using echostream::NodeOptions;
using echostream::Result;

Result<Configuration> read(std::vector<std::string> words) {
  Arguments flags("program", "Does something.");
  ConfigArguments config(flags);
  words.insert(words.begin(), "program");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  EXPECT_FALSE(flags.parse(static_cast<int>(pointers.size()), pointers.data()));
  return config.read();
}

TEST(ConfigArguments, AFileAndSettingsOverIt) {
  const std::string path = testing::TempDir() + "config_arguments.textproto";
  std::ofstream(path)
      << "listen: \"[::]:1\" node { max_sessions: 5 max_path_changes_per_second: 7 }";
  const auto configuration = read({"--config", path, "--set", "node.max_sessions=6"});
  std::remove(path.c_str());
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->message().node().max_sessions(), 6u);
  EXPECT_EQ(configuration->message().node().max_path_changes_per_second(), 7u);
  EXPECT_EQ(where_to_listen("", *configuration, "c"), std::vector<std::string>{"[::]:1"});
  EXPECT_EQ(where_to_listen("a", *configuration, "c"), std::vector<std::string>{"a"});
}

TEST(ConfigArguments, WithoutThemNothingIsSet) {
  const auto configuration = read({});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(where_to_listen("", *configuration, "c"), std::vector<std::string>{"c"});
  EXPECT_EQ(whom_to_dial("", *configuration, "d").target(), "d");
}

TEST(ConfigArguments, SayWhatIsWrong) {
  const auto configuration = read({"--set", "node.max_sesions=6"});
  ASSERT_FALSE(configuration);
  EXPECT_NE(configuration.error().message().find("did you mean \"max_sessions\"?"),
            std::string_view::npos);
}

TEST(ConfigArguments, TheFlagNamesThePeerAndTheFileSaysTheRest) {
  const auto configuration =
      read({"--set", "peers.0.target=a:1", "--set", "peers.0.connect.early_data=true"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(whom_to_dial("", *configuration, "d").target(), "a:1");
  const auto chosen = whom_to_dial("b:2", *configuration, "d");
  EXPECT_EQ(chosen.target(), "b:2");
  EXPECT_TRUE(chosen.connect().early_data());
}

TEST(ConfigArguments, SomebodyMustBeBelieved) {
  NodeOptions options;
  EXPECT_FALSE(believe("", options).is_ok());
  EXPECT_FALSE(believe("12", options).is_ok());
  EXPECT_TRUE(believe(std::string(64, 'a'), options).is_ok());
  EXPECT_EQ(options.trust->fingerprints().size(), 1u);
  EXPECT_TRUE(believe("", options).is_ok());
}

}  // namespace
}  // namespace examples
