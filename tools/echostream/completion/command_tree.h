// All commands with their options, as plain data: what a shell has to know to complete them.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace echostream::tool {

struct OptionShape {
  enum class Value : std::uint8_t { kNone, kAny, kFile, kFolder, kChoice };
  /// "-d", "--data".
  std::vector<std::string> names;
  std::string description;
  Value value = Value::kNone;
  std::vector<std::string> choices;
};

struct CommandShape {
  /// Below the program, each name with a space before it: "", " timing", " timing jitter".
  std::string path;
  std::string description;
  std::vector<OptionShape> options;
  /// Names and descriptions of the commands below it.
  std::vector<std::pair<std::string, std::string>> commands;
};

/// Of the program and everything below it; a command comes before those below it.
std::vector<CommandShape> command_tree(const CLI::App& program);

}  // namespace echostream::tool
