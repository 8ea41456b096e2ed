// echostream config check: all that is wrong with a configuration, before a program starts with it.
#include <google/protobuf/message.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "echostream/config.h"
#include "echostream/config_options.pb.h"

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

// Files and folders that plugins make when they are made, such as logs. A check leaves none: what
// it makes would belong to whoever ran it, and the program could not write it.
class NewFiles {
 public:
  explicit NewFiles(const config::Config& configuration) { look_for(configuration); }
  ~NewFiles() {
    for (const auto& path : missing_) remove(path);
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;

 private:
  void look_for(const google::protobuf::Message& message) {
    const auto& reflection = *message.GetReflection();
    std::vector<const google::protobuf::FieldDescriptor*> given;
    reflection.ListFields(message, &given);
    for (const auto* field : given) {
      using Field = google::protobuf::FieldDescriptor;
      const bool is_message = field->cpp_type() == Field::CPPTYPE_MESSAGE;
      if (is_message && field->is_repeated()) {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
          look_for(reflection.GetRepeatedMessage(message, field, i));
        }
      } else if (is_message) {
        look_for(reflection.GetMessage(message, field));
      } else if (!field->is_repeated() && field->options().GetExtension(config::setting).file()) {
        const std::string name = reflection.GetString(message, field);
        add(name);
        add(name + ".lock");
      }
    }
  }
  // Folders when they are empty, and files with a line at most, as a ticket cache without tickets
  // has one: what a program has written in the same moment stays.
  static void remove(const std::filesystem::path& path) {
    constexpr std::uintmax_t kLongestLine = 64;
    std::error_code error;
    const bool is_file = std::filesystem::is_regular_file(path, error);
    if (is_file && std::filesystem::file_size(path, error) > kLongestLine) return;
    std::filesystem::remove(path, error);
  }
  // Each that is not there, the innermost first.
  void add(std::filesystem::path path) {
    std::error_code error;
    for (; !path.empty() && !std::filesystem::exists(path, error) && !error;
         path = path.parent_path()) {
      missing_.push_back(path);
    }
  }
  std::vector<std::filesystem::path> missing_;
};

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
    const NewFiles new_files(configuration.message());
    // The problems of both.
    Status options = node_options_from(configuration, time_of_day(), &problems).status();
    std::vector<ConfigProblem> of_plugins;
    Status plugins = check_plugins(configuration, &of_plugins);
    if (options.is_ok() || plugins.is_ok()) {
      problems.insert(problems.end(), of_plugins.begin(), of_plugins.end());
      return options.is_ok() ? plugins : options;
    }
    // A log that cannot be opened is a problem of both.
    std::string text(options.message());
    for (const ConfigProblem& problem : of_plugins) {
      const std::string line = problem.to_string();
      if (text.find(line) != text.npos) continue;
      text += "\n" + line;
      problems.push_back(problem);
    }
    return {options.code(), text};
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
