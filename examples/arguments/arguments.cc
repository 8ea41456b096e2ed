#include "arguments/arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace examples {

using echostream::Duration;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

namespace {

// Longer spans and larger rates are mistakes, and must not overflow.
constexpr double kMostSeconds = 86'400;
constexpr double kMostBitsPerSecond = 1e12;

constexpr std::size_t kHelpColumn = 30;

Status invalid(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }

struct Unit {
  std::string_view suffix;
  double factor;
};

// "1.5s" with the units {"s", 1}: 1.5. The unit without a suffix stands for a bare number.
template <std::size_t kCount>
Result<double> parse_quantity(std::string_view text, const Unit (&units)[kCount], double most,
                              std::string_view expected) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  const std::string_view suffix(end);
  for (const Unit& unit : units) {
    const double value = number * unit.factor;
    // Written so that "nan" fails too.
    if (end != copy.c_str() && suffix == unit.suffix && value >= 0 && value <= most) return value;
  }
  return invalid("'" + copy + "' is not " + std::string(expected));
}

}  // namespace

Arguments::Arguments(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

void Arguments::text(std::string name, std::string placeholder, std::string help,
                     std::string& value) {
  add(std::move(name), std::move(placeholder), std::move(help), [&value](std::string_view given) {
    value = given;
    return Status::ok();
  });
}

void Arguments::texts(std::string name, std::string placeholder, std::string help,
                      std::vector<std::string>& values) {
  add(std::move(name), std::move(placeholder), std::move(help), [&values](std::string_view given) {
    values.emplace_back(given);
    return Status::ok();
  });
}

void Arguments::whole_number(std::string name, std::string help, std::uint64_t& value) {
  add(std::move(name), "NUMBER", std::move(help), [&value](std::string_view given) {
    std::uint64_t number = 0;
    const char* end = given.data() + given.size();
    const auto parsed = std::from_chars(given.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return invalid("'" + std::string(given) + "' is not a whole number from 0 on");
    }
    value = number;
    return Status::ok();
  });
}

void Arguments::seconds(std::string name, std::string help, double& value) {
  add(std::move(name), "SECONDS", std::move(help), [&value](std::string_view given) {
    static constexpr Unit kUnits[] = {{"", 1}, {"s", 1}};
    auto number =
        parse_quantity(given, kUnits, kMostSeconds, "a number of seconds from 0 to 86400");
    if (number) value = *number;
    return number.status();
  });
}

void Arguments::percent(std::string name, std::string help, double& value) {
  add(std::move(name), "PERCENT", std::move(help), [&value](std::string_view given) {
    static constexpr Unit kUnits[] = {{"", 1}, {"%", 1}};
    auto number = parse_quantity(given, kUnits, 100, "a percentage from 0 to 100");
    if (number) value = *number / 100;
    return number.status();
  });
}

void Arguments::duration(std::string name, std::string help, Duration& value) {
  add(std::move(name), "TIME", std::move(help), [&value](std::string_view given) {
    static constexpr Unit kUnits[] = {{"", 1e-3}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
    auto number = parse_quantity(given, kUnits, kMostSeconds,
                                 "a time; write for example 250us, 30ms or 1.5s");
    if (number) value = Duration(static_cast<Duration::rep>(*number * 1e9));
    return number.status();
  });
}

void Arguments::bit_rate(std::string name, std::string help, std::uint64_t& value) {
  add(std::move(name), "BITS", std::move(help), [&value](std::string_view given) {
    static constexpr Unit kUnits[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
    auto number = parse_quantity(given, kUnits, kMostBitsPerSecond,
                                 "a rate in bits per second; write for example 64000, 512k or 5M");
    if (number) value = static_cast<std::uint64_t>(*number);
    return number.status();
  });
}

void Arguments::on(std::string name, std::string help, bool& value) {
  add(std::move(name), "", std::move(help), [&value](std::string_view) {
    value = true;
    return Status::ok();
  });
}

void Arguments::required() { flags_.back().is_required = true; }

void Arguments::add(std::string name, std::string placeholder, std::string help, Setter set) {
  Flag flag;
  flag.name = std::move(name);
  flag.placeholder = std::move(placeholder);
  flag.help = std::move(help);
  flag.set = std::move(set);
  flags_.push_back(std::move(flag));
}

Arguments::Flag* Arguments::find(std::string_view name) {
  for (Flag& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Status Arguments::parse_all(const std::vector<std::string_view>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name(words[i].substr(0, equals));
    Flag* flag = find(name);
    if (flag == nullptr) return invalid("unknown argument '" + name + "'");
    const bool is_switch = flag->placeholder.empty();
    if (is_switch && equals != std::string_view::npos) return invalid(name + " takes no value");
    if (!is_switch && equals == std::string_view::npos && i + 1 == words.size()) {
      return invalid(name + " needs a value: " + name + " " + flag->placeholder);
    }
    std::string_view value;
    if (!is_switch) {
      value = equals == std::string_view::npos ? words[++i] : words[i].substr(equals + 1);
    }
    Status status = flag->set(value);
    if (!status.is_ok()) return invalid(name + ": " + std::string(status.message()));
    flag->was_given = true;
  }
  for (const Flag& flag : flags_) {
    if (flag.is_required && !flag.was_given) {
      return invalid(flag.name + " " + flag.placeholder + " is missing");
    }
  }
  return Status::ok();
}

std::optional<int> Arguments::parse(int argument_count, char** arguments) {
  const std::vector<std::string_view> words(arguments + 1, arguments + argument_count);
  for (const std::string_view word : words) {
    if (word != "--help" && word != "-h") continue;
    std::cout << usage();
    return 0;
  }
  const Status status = parse_all(words);
  if (status.is_ok()) return std::nullopt;
  std::cerr << program_ << ": " << status.message() << "\nTry '" << program_ << " --help'.\n";
  return 2;
}

std::string Arguments::usage() const {
  std::string text = "Usage: " + program_ + " [flags]\n\n" + summary_ + "\n\n";
  const auto line = [&text](std::string left, const std::string& help) {
    left.resize(std::max(left.size() + 1, kHelpColumn), ' ');
    text += "  " + left + help + "\n";
  };
  for (const Flag& flag : flags_) {
    line(flag.name + (flag.placeholder.empty() ? "" : " ") + flag.placeholder,
         flag.help + (flag.is_required ? " (required)" : std::string()));
  }
  line("--help", "this text");
  return text;
}

}  // namespace examples
