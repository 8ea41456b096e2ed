#include "arguments/arguments.h"

#include <gtest/gtest.h>

namespace examples {
namespace {

using namespace std::chrono_literals;

struct Parsed {
  std::string text = "default";
  std::vector<std::string> texts;
  std::uint64_t number = 5;
  double percent = 0;
  double seconds = 0;
  echostream::Duration duration{};
  std::uint64_t rate = 0;
  bool is_on = false;
  std::optional<int> exit_code;
  std::string errors;
};

Parsed parse(std::vector<std::string> words) {
  Parsed parsed;
  Arguments flags("program", "Does something.");
  flags.text("--text", "WORD", "a word", parsed.text);
  flags.texts("--more", "WORD", "words", parsed.texts);
  flags.whole_number("--number", "a number", parsed.number);
  flags.percent("--percent", "a part", parsed.percent);
  flags.seconds("--seconds", "a time", parsed.seconds);
  flags.duration("--time", "a time", parsed.duration);
  flags.bit_rate("--rate", "a rate", parsed.rate);
  flags.on("--on", "a switch", parsed.is_on);
  words.insert(words.begin(), "program");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  testing::internal::CaptureStderr();
  parsed.exit_code = flags.parse(static_cast<int>(pointers.size()), pointers.data());
  parsed.errors = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Arguments, KeepDefaultsOfWhatIsNotGiven) {
  const Parsed parsed = parse({});
  EXPECT_FALSE(parsed.exit_code);
  EXPECT_EQ(parsed.text, "default");
  EXPECT_EQ(parsed.number, 5u);
}

TEST(Arguments, TakeValuesAfterASpaceOrAnEqualsSign) {
  const Parsed parsed = parse({"--text", "a=b", "--more=c=d", "--more", "e", "--number=7"});
  EXPECT_FALSE(parsed.exit_code);
  EXPECT_EQ(parsed.text, "a=b");
  EXPECT_EQ(parsed.texts, (std::vector<std::string>{"c=d", "e"}));
  EXPECT_EQ(parsed.number, 7u);
}

TEST(Arguments, ASwitchTakesNoValue) {
  EXPECT_FALSE(parse({}).is_on);
  const Parsed parsed = parse({"--on", "--number", "7"});
  EXPECT_FALSE(parsed.exit_code) << parsed.errors;
  EXPECT_TRUE(parsed.is_on);
  EXPECT_EQ(parsed.number, 7u);
  EXPECT_NE(parse({"--on=no"}).errors.find("--on takes no value"), std::string::npos);
}

TEST(Arguments, ReadUnits) {
  EXPECT_EQ(parse({"--time", "250us"}).duration, 250us);
  EXPECT_EQ(parse({"--time", "1.5s"}).duration, 1500ms);
  EXPECT_EQ(parse({"--time", "30"}).duration, 30ms);
  EXPECT_EQ(parse({"--rate", "5M"}).rate, 5'000'000u);
  EXPECT_DOUBLE_EQ(parse({"--percent", "2%"}).percent, 0.02);
  EXPECT_DOUBLE_EQ(parse({"--seconds", "0.5"}).seconds, 0.5);
}

TEST(Arguments, RefuseWhatTheyCannotUseAndSayWhy) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--unknown", "1"}, "unknown argument '--unknown'"},
      {{"stray"}, "unknown argument 'stray'"},
      {{"--text"}, "--text needs a value"},
      {{"--number", "-1"}, "'-1' is not a whole number"},
      {{"--number", "1x"}, "'1x' is not a whole number"},
      {{"--number", "99999999999999999999"}, "is not a whole number"},
      {{"--percent", "101"}, "'101' is not a percentage"},
      {{"--percent", "nan"}, "'nan' is not a percentage"},
      {{"--time", "5m"}, "'5m' is not a time"},
      {{"--time", "-1s"}, "'-1s' is not a time"},
      {{"--time", ""}, "'' is not a time"},
      {{"--rate", "1e30"}, "'1e30' is not a rate"},
  };
  for (const auto& [words, expected] : cases) {
    const Parsed parsed = parse(words);
    EXPECT_EQ(parsed.exit_code, 2) << expected;
    EXPECT_NE(parsed.errors.find(expected), std::string::npos) << parsed.errors;
  }
}

TEST(Arguments, AskForWhatIsRequired) {
  std::string value;
  Arguments flags("program", "Does something.");
  flags.text("--to", "ADDRESS", "where", value);
  flags.required();
  char name[] = "program";
  char* words[] = {name};
  testing::internal::CaptureStderr();
  EXPECT_EQ(flags.parse(1, words), 2);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("--to ADDRESS is missing"),
            std::string::npos);
}

TEST(Arguments, HelpNamesEveryFlagAndEndsTheProgramWell) {
  testing::internal::CaptureStdout();
  const Parsed parsed = parse({"--bad", "--help"});
  const std::string help = testing::internal::GetCapturedStdout();
  EXPECT_EQ(parsed.exit_code, 0);
  for (const char* flag : {"--text WORD", "--number NUMBER", "--time TIME", "--help"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace examples
