// echostream config check: all that is wrong with a configuration, before a program starts with it.
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "echostream/config.h"

#include "tools/echostream/config/config_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Reads a configuration as a program would: the file, over it the variables ECHOSTREAM_..., over these --set.
All errors are told, each with line, column and what is allowed there. Then the files that it names are
read (certificates, keys, tickets), and its plugins are made and configured, though not started.

Exit code: 0 it can be used; 1 the file cannot be read; 2 it has errors.

Examples:
  echostream config check robot.json
  echostream config check robot.textproto --set node.idle_timeout_ms=5000 --print)";

std::string json_string(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

WallTime time_of_day() { return WallTime(std::chrono::system_clock::now().time_since_epoch()); }

class CheckCommand final : public Command {
 public:
  explicit CheckCommand(CLI::App& config)
      : Command(*config.add_subcommand("check", "Tell all that is wrong with a configuration")) {
    app().footer(kExplanation);
    app().add_option("FILE", path_, "the configuration: *.json or *.textproto")->required();
    app()
        .add_option("--set", settings_, "a setting over the file's: node.idle_timeout_ms=5000")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app().add_flag("--no-environment", no_environment_, "leave the variables ECHOSTREAM_... out");
    app().add_flag("--no-files", no_files_, "do not read the files that it names, load no plugin");
    app().add_flag("--print", print_, "write what holds, defaults included and secrets left out");
    app().add_flag("--json", json_, "write the result as JSON");
  }

  Status run() override {
    ConfigOverrides overrides;
    if (!no_environment_) overrides = ConfigOverrides::from_environment();
    overrides.settings = settings_;
    std::vector<ConfigProblem> problems;
    const auto configuration = read_config(path_, overrides, &problems);
    Status status = configuration.status();
    if (status.is_ok() && !no_files_) status = check_files(*configuration, problems);
    if (json_) {
      write_json(status, problems, configuration);
    } else if (status.is_ok() && print_) {
      std::cout << print_config(
          *configuration, path_.ends_with(".json") ? ConfigFormat::kJson : ConfigFormat::kText);
    } else if (status.is_ok()) {
      std::cout << path_ << ": OK\n";
    }
    if (status.is_ok() || problems.empty()) return status;
    if (!json_) std::cerr << status.message() << '\n';
    return {StatusCode::kInvalidArgument, path_ + " cannot be used"};
  }

 private:
  static Status check_files(const Configuration& configuration,
                            std::vector<ConfigProblem>& problems) {
    // The problems of both.
    Status options = node_options_from(configuration, time_of_day(), &problems).status();
    std::vector<ConfigProblem> of_plugins;
    Status plugins = check_plugins(configuration, &of_plugins);
    problems.insert(problems.end(), of_plugins.begin(), of_plugins.end());
    if (options.is_ok() || plugins.is_ok()) return options.is_ok() ? plugins : options;
    return {options.code(), std::string(options.message()) + "\n" + std::string(plugins.message())};
  }

  void write_json(const Status& status, const std::vector<ConfigProblem>& problems,
                  const Result<Configuration>& configuration) const {
    std::cout << "{\"ok\": " << (status.is_ok() ? "true" : "false") << ", \"problems\": [";
    const char* separator = "";
    const auto write = [&separator](const ConfigProblem& problem) {
      std::cout << separator << "{\"source\": " << json_string(problem.source);
      if (problem.line > 0) {
        std::cout << ", \"line\": " << problem.line << ", \"column\": " << problem.column;
      }
      std::cout << ", \"field\": " << json_string(problem.field)
                << ", \"message\": " << json_string(problem.message) << '}';
      separator = ", ";
    };
    for (const ConfigProblem& problem : problems) write(problem);
    if (problems.empty() && !status.is_ok()) {
      write({path_, 0, 0, "", std::string(status.message())});
    }
    std::cout << ']';
    if (print_ && configuration) {
      std::cout << ", \"config\": " << print_config(*configuration, ConfigFormat::kJson);
    }
    std::cout << "}\n";
  }

  std::string path_;
  std::vector<std::string> settings_;
  bool no_environment_ = false;
  bool no_files_ = false;
  bool print_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_config_check_command(CLI::App& config) {
  return std::make_unique<CheckCommand>(config);
}

}  // namespace echostream::tool
