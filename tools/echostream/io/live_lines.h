// Lines on a terminal that are drawn over themselves.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace echostream::tool {

class LiveLines {
 public:
  /// As many of them as the terminal has room for; what was drawn before is gone.
  void draw(const std::vector<std::string>& lines);

 private:
  std::size_t drawn_ = 0;
};

}  // namespace echostream::tool
