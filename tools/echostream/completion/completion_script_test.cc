#include "tools/echostream/completion/completion_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/echostream/options.h"

namespace echostream::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Completion : public ::testing::Test {
 protected:
  Completion() {
    CLI::App& play = *program.add_subcommand("play", "Somebody's 'song'");
    add_file(play, "FILE", file, "what to play");
    add_file(play, "-i,--input", file, "another file");
    add_choice(play, "--how", how, {"loud", "soft"}, "how loud");
    play.add_flag("--again", again, "once more");
    program.add_subcommand("list", "Songs")->add_subcommand("old", "Old songs");
  }

  CLI::App program{"Plays", "player"};
  std::string file;
  std::size_t how = 0;
  bool again = false;
};

TEST_F(Completion, KnowsCommandsAndOptions) {
  const std::vector<CommandShape> tree = command_tree(program);
  ASSERT_EQ(tree.size(), 4u);
  EXPECT_EQ(tree[0].path, "");
  EXPECT_EQ(tree[1].path, " play");
  EXPECT_EQ(tree[3].path, " list old");
  ASSERT_EQ(tree[1].options.size(), 4u);  // --help too; the FILE is none
  const OptionShape& input = tree[1].options[1];
  EXPECT_THAT(input.names, ElementsAre("-i", "--input"));
  EXPECT_EQ(input.value, OptionShape::Value::kFile);
  EXPECT_THAT(tree[1].options[2].choices, ElementsAre("loud", "soft"));
  EXPECT_EQ(tree[1].options[3].value, OptionShape::Value::kNone);
}

TEST_F(Completion, IsWrittenForBash) {
  const std::string script = bash_completion("player", command_tree(program));
  EXPECT_THAT(script, HasSubstr("(' play'|' list'|' list old')"));
  EXPECT_THAT(script, HasSubstr("(' play -i'|' play --input') COMPREPLY=($(compgen -f"));
  EXPECT_THAT(script, HasSubstr("compgen -W 'loud soft'"));
  EXPECT_THAT(script, HasSubstr("-F _player player\n"));
}

TEST_F(Completion, IsWrittenForZsh) {
  const std::string script = zsh_completion("player", command_tree(program));
  EXPECT_THAT(script, HasSubstr("#compdef player\n"));
  EXPECT_THAT(script, HasSubstr(R"('play:Somebody'\''s '\''song'\''')"));
  EXPECT_THAT(script, HasSubstr("compadd -- loud soft"));
}

TEST_F(Completion, IsWrittenForFish) {
  const std::string script = fish_completion("player", command_tree(program));
  EXPECT_THAT(script, HasSubstr(R"(-f -a play -d 'Somebody\'s \'song\'')"));
  EXPECT_THAT(script,
              HasSubstr(R"(complete -c player -n '__player_at " play"' -s i -l input -r -F)"));
  EXPECT_THAT(script, HasSubstr("-l how -x -a 'loud soft'"));
}

}  // namespace
}  // namespace echostream::tool
