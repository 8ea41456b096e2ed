#include "tools/echostream/completion/completion_script.h"

namespace echostream::tool {

namespace {

using Value = OptionShape::Value;

// In single quotes, in which the three shells change nothing but, in fish, a backslash.
std::string quoted(const std::string& text, bool is_fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += is_fish ? "\\'" : "'\\''";
    } else if (c == '\\' && is_fish) {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// Every command's path, to be told apart from the values of options.
std::vector<std::string> all_paths(const std::vector<CommandShape>& tree, bool is_fish = false) {
  std::vector<std::string> paths;
  for (const CommandShape& command : tree) {
    if (!command.path.empty()) paths.push_back(quoted(command.path, is_fish));
  }
  return paths;
}

std::vector<std::string> option_names(const CommandShape& command) {
  std::vector<std::string> names;
  for (const OptionShape& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// One `case` for the values of each option that takes one.
template <class Action>
std::string value_cases(const std::vector<CommandShape>& tree, const Action& action) {
  std::string text;
  for (const CommandShape& command : tree) {
    for (const OptionShape& option : command.options) {
      if (option.value == Value::kNone) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back(quoted(command.path + " " + name));
      }
      text += "    (" + joined(patterns, "|") + ") " + action(option) + "; return;;\n";
    }
  }
  return text;
}

std::string bash_value(const OptionShape& option) {
  switch (option.value) {
    case Value::kFile:
      return R"(COMPREPLY=($(compgen -f -- "$current")))";
    case Value::kFolder:
      return R"(COMPREPLY=($(compgen -d -- "$current")))";
    case Value::kChoice:
      return "COMPREPLY=($(compgen -W " + quoted(joined(option.choices, " ")) +
             R"( -- "$current")))";
    case Value::kNone:
    case Value::kAny:
      break;
  }
  return "COMPREPLY=()";
}

std::string zsh_value(const OptionShape& option) {
  switch (option.value) {
    case Value::kFile:
      return "_files";
    case Value::kFolder:
      return "_files -/";
    case Value::kChoice:
      return "compadd -- " + joined(option.choices, " ");
    case Value::kNone:
    case Value::kAny:
      break;
  }
  return "_message value";
}

// "name:description", in which a colon of the name needs a backslash.
std::string zsh_item(const std::string& name, const std::string& description) {
  return quoted(name + ":" + description);
}

std::string fish_value(const OptionShape& option) {
  switch (option.value) {
    case Value::kNone:
      return "";
    case Value::kFile:
      return " -r -F";
    case Value::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case Value::kChoice:
      return " -x -a " + quoted(joined(option.choices, " "), true);
    case Value::kAny:
      break;
  }
  return " -x";
}

}  // namespace

std::string bash_completion(const std::string& program, const std::vector<CommandShape>& tree) {
  const std::string function = "_" + program;
  std::string text = "# Completion of " + program + " in bash: source <(" + program +
                     " completion bash)\n" + function + "() {\n" +
                     R"(  local at= current=${COMP_WORDS[COMP_CWORD]} commands= options= word
  local previous=${COMP_WORDS[COMP_CWORD - 1]}
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
)";
  text += "    (" + joined(all_paths(tree), "|") + ") at=\"$at $word\";;\n    esac\n  done\n" +
          "  case \"$at $previous\" in\n" + value_cases(tree, bash_value) +
          "  esac\n  case \"$at\" in\n";
  for (const CommandShape& command : tree) {
    std::vector<std::string> names;
    for (const auto& below : command.commands) names.push_back(below.first);
    text += "    (" + quoted(command.path) + ") commands=" + quoted(joined(names, " ")) +
            " options=" + quoted(joined(option_names(command), " ")) + ";;\n";
  }
  return text + R"(  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  fi
}
complete -o bashdefault -o default -F )" +
         function + " " + program + "\n";
}

std::string zsh_completion(const std::string& program, const std::vector<CommandShape>& tree) {
  const std::string function = "_" + program;
  std::string text = "#compdef " + program + "\n# Completion of " + program + " in zsh: a file _" +
                     program + " in a folder of $fpath, or source <(" + program +
                     " completion zsh)\n" + function + "() {\n" +
                     R"(  local at= word
  local -a commands options
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
)";
  text += "    (" + joined(all_paths(tree), "|") + ") at=\"$at $word\";;\n    esac\n  done\n" +
          "  case \"$at ${words[CURRENT-1]}\" in\n" + value_cases(tree, zsh_value) +
          "  esac\n  case \"$at\" in\n";
  for (const CommandShape& command : tree) {
    std::vector<std::string> commands;
    for (const auto& [name, description] : command.commands) {
      commands.push_back(zsh_item(name, description));
    }
    std::vector<std::string> options;
    for (const OptionShape& option : command.options) {
      for (const std::string& name : option.names) {
        options.push_back(zsh_item(name, option.description));
      }
    }
    text += "    (" + quoted(command.path) + ")\n      commands=(" + joined(commands, " ") +
            ")\n      options=(" + joined(options, " ") + ")\n      ;;\n";
  }
  return text + R"(  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
if [[ $funcstack[1] == )" +
         function + " ]]; then\n  " + function + " \"$@\"\nelse\n  compdef " + function + " " +
         program + "\nfi\n";
}

std::string fish_completion(const std::string& program, const std::vector<CommandShape>& tree) {
  const std::string function = "__" + program + "_at";
  std::string text = "# Completion of " + program + " in fish: " + program +
                     " completion fish | source\nfunction " + function +
                     "\n    set -l at ''\n    set -l words (commandline -opc)\n" +
                     "    for word in $words[2..-1]\n        switch \"$at $word\"\n";
  text += "            case " + joined(all_paths(tree, true), " ") +
          "\n                set at \"$at $word\"\n        end\n    end\n" +
          "    test \"$at\" = \"$argv[1]\"\nend\n";
  for (const CommandShape& command : tree) {
    const std::string head =
        "complete -c " + program + " -n " + quoted(function + " \"" + command.path + "\"", true);
    for (const auto& [name, description] : command.commands) {
      text += head + " -f -a " + name + " -d " + quoted(description, true) + "\n";
    }
    for (const OptionShape& option : command.options) {
      text += head;
      for (const std::string& name : option.names) {
        const bool is_long = name.starts_with("--");
        text += is_long ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      text += fish_value(option) + " -d " + quoted(option.description, true) + "\n";
    }
  }
  return text;
}

}  // namespace echostream::tool
