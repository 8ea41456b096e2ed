// echostream completion: scripts for shells.
#include <iostream>

#include "tools/echostream/command.h"
#include "tools/echostream/completion/completion_script.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kCompletionExplanation =
    R"(Prints a script by which the shell completes commands, options and files.

Examples:
  source <(echostream completion bash)                     (in ~/.bashrc)
  echostream completion zsh > ~/.zfunc/_echostream         (a folder of $fpath)
  echostream completion fish > ~/.config/fish/completions/echostream.fish)";

class CompletionCommand final : public Command {
 public:
  explicit CompletionCommand(CLI::App& program)
      : Command(*program.add_subcommand("completion", "Print a script for a shell")),
        program_(program) {
    app().footer(kCompletionExplanation);
    add_choice(app(), "SHELL", shell_, {"bash", "zsh", "fish"}, "which one")->required();
  }

  Status run() override {
    const std::vector<CommandShape> tree = command_tree(program_);
    const auto script = shell_ == 0   ? bash_completion
                        : shell_ == 1 ? zsh_completion
                                      : fish_completion;
    std::cout << script(program_.get_name(), tree) << std::flush;
    if (std::cout) return Status::ok();
    return {StatusCode::kUnavailable, "cannot write the output"};
  }

 private:
  const CLI::App& program_;
  std::size_t shell_ = 0;
};

}  // namespace

void add_completion_command(CLI::App& program, Commands& commands) {
  commands.push_back(std::make_unique<CompletionCommand>(program));
}

}  // namespace echostream::tool
