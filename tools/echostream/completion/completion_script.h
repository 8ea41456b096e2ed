// Scripts by which shells complete commands and options.
#pragma once

#include <string>
#include <vector>

#include "tools/echostream/completion/command_tree.h"

namespace echostream::tool {

// `program` is the command's name; its tree begins with the program itself.

std::string bash_completion(const std::string& program, const std::vector<CommandShape>& tree);
std::string zsh_completion(const std::string& program, const std::vector<CommandShape>& tree);
std::string fish_completion(const std::string& program, const std::vector<CommandShape>& tree);

}  // namespace echostream::tool
