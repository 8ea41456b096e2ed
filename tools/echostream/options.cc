#include "tools/echostream/options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

namespace echostream::tool {

namespace {

std::optional<double> parse_number(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

// `set` takes the value over, or returns what it should have been.
template <class Set>
CLI::Option* add(CLI::App& app, const std::string& name, const std::string& type,
                 const std::string& help, Set set) {
  CLI::Option* option = app.add_option_function<std::string>(
      name, [set](const std::string& text) { set(text); }, help);
  option->check([set](const std::string& text) -> std::string {
    const std::string expected = set(text);
    return expected.empty() ? "" : "'" + text + "' is not " + expected;
  });
  return option->type_name(type);
}

std::string shortest(double number) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), number);
  return {text, end.ptr};
}

}  // namespace

CLI::Option* add_milliseconds(CLI::App& app, const std::string& name, Duration& value,
                              double least_ms, const std::string& help) {
  return add(app, name, "MS", help, [&value, least_ms](const std::string& text) -> std::string {
    constexpr double kMostMs = 3'600'000;
    const auto number = parse_number(text);
    // Written so that "nan" fails too.
    if (!number || !(*number >= least_ms && *number <= kMostMs)) {
      return "a number of milliseconds from " + shortest(least_ms) + " to 3600000";
    }
    value = Duration(static_cast<Duration::rep>(*number * 1e6));
    return "";
  });
}

CLI::Option* add_share(CLI::App& app, const std::string& name, double& value, double most,
                       const std::string& help) {
  return add(app, name, "SHARE", help, [&value, most](const std::string& text) -> std::string {
    const auto number = parse_number(text);
    if (!number || !(*number > 0 && *number <= most)) {
      return "a share of more than 0 and at most " + shortest(most) + "; write 0.05 for 5 %";
    }
    value = *number;
    return "";
  });
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::size_t& value,
                        const std::vector<std::string>& choices, const std::string& help) {
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : "|") + choice;
  const auto set = [&value, choices, list](const std::string& text) -> std::string {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found == choices.end()) return "one of " + list;
    value = static_cast<std::size_t>(found - choices.begin());
    return "";
  };
  return add(app, name, list, help, set);
}

CLI::Option* add_file(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& help) {
  const auto set = [&value](const std::string& text) -> std::string {
    if (text.empty()) return "the name of a file";
    value = text;
    return "";
  };
  return add(app, name, "FILE", help, set);
}

}  // namespace echostream::tool
