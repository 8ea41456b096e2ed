// A page of metrics, taken apart.
#pragma once

#include <map>
#include <sstream>
#include <string>

namespace echostream::testing {

/// "name{labels}" to value, in the order of the page.
inline std::map<std::string, double> values_of(const std::string& page) {
  std::map<std::string, double> values;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string::npos) continue;
    values[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return values;
}

}  // namespace echostream::testing
