// The command line of the example programs: flags with a value, switches, --help, clear errors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace examples {

/// Declare the flags, each with the variable that it sets and that holds its default; then parse.
/// Both "--name value" and "--name=value" are understood.
class Arguments {
 public:
  /// `summary` is the text above the list of flags.
  Arguments(std::string program, std::string summary);

  void text(std::string name, std::string placeholder, std::string help, std::string& value);
  /// May be given more than once; each value is appended.
  void texts(std::string name, std::string placeholder, std::string help,
             std::vector<std::string>& values);
  void whole_number(std::string name, std::string help, std::uint64_t& value);
  void seconds(std::string name, std::string help, double& value);
  /// 0 to 100, with or without '%'; `value` gets 0 to 1.
  void percent(std::string name, std::string help, double& value);
  /// "250us", "30ms", "1.5s"; a bare number is milliseconds.
  void duration(std::string name, std::string help, echostream::Duration& value);
  /// Bits per second: "64000", "512k", "5M", "1G".
  void bit_rate(std::string name, std::string help, std::uint64_t& value);
  /// A switch, which takes no value: given, it makes `value` true.
  void on(std::string name, std::string help, bool& value);
  /// The flag just declared must be given.
  void required();

  /// The exit code when the program should end now: 0 after --help, 2 after an error, which has
  /// been written to stderr.
  std::optional<int> parse(int argument_count, char** arguments);

 private:
  using Setter = std::function<echostream::Status(std::string_view)>;
  struct Flag {
    std::string name;
    std::string placeholder;  // empty: a switch
    std::string help;
    Setter set;
    bool is_required = false;
    bool was_given = false;
  };

  void add(std::string name, std::string placeholder, std::string help, Setter set);
  Flag* find(std::string_view name);
  echostream::Status parse_all(const std::vector<std::string_view>& words);
  std::string usage() const;

  std::string program_;
  std::string summary_;
  std::vector<Flag> flags_;
};

}  // namespace examples
