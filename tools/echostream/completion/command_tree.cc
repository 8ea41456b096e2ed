#include "tools/echostream/completion/command_tree.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>

namespace echostream::tool {

namespace {

// "reliable|expiring|datagram", which is how add_choice() names the type.
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = type.find('|', begin);
    choices.push_back(type.substr(begin, end - begin));
    if (end == std::string::npos) return choices;
    begin = end + 1;
  }
}

OptionShape shape_of(const CLI::Option& option) {
  OptionShape shape;
  for (const std::string& name : option.get_snames()) shape.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) shape.names.push_back("--" + name);
  shape.description = option.get_description();
  if (option.get_items_expected_max() == 0) return shape;
  const std::string type = option.get_type_name();
  shape.value = OptionShape::Value::kAny;
  if (type == "FILE") shape.value = OptionShape::Value::kFile;
  if (type == "FOLDER") shape.value = OptionShape::Value::kFolder;
  if (type.find('|') != std::string::npos) {
    shape.value = OptionShape::Value::kChoice;
    shape.choices = choices_of(type);
  }
  return shape;
}

void add_command(const CLI::App& app, const std::string& path, std::vector<CommandShape>& tree) {
  CommandShape shape;
  shape.path = path;
  shape.description = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) shape.options.push_back(shape_of(*option));
  }
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : below) {
    shape.commands.emplace_back(command->get_name(), command->get_description());
  }
  tree.push_back(std::move(shape));
  for (const CLI::App* command : below) {
    add_command(*command, path + " " + command->get_name(), tree);
  }
}

}  // namespace

std::vector<CommandShape> command_tree(const CLI::App& program) {
  std::vector<CommandShape> tree;
  add_command(program, "", tree);
  return tree;
}

}  // namespace echostream::tool
