// Which methods are meant: "acme.v1.Robot/*".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace echostream::recorder {

/// '*' stands for any characters, none included; everything else for itself.
bool matches(std::string_view pattern, std::string_view text);

inline bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  for (const std::string& pattern : patterns) {
    if (matches(pattern, text)) return true;
  }
  return false;
}

}  // namespace echostream::recorder
