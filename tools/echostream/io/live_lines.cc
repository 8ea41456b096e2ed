#include "tools/echostream/io/live_lines.h"

#include <algorithm>
#include <iostream>

#include "tools/echostream/discovery/this_system.h"

namespace echostream::tool {

void LiveLines::draw(const std::vector<std::string>& lines) {
  // A row is left for the cursor.
  const std::size_t room = std::max<std::size_t>(terminal_rows(), 4) - 1;
  const std::size_t count = std::min(lines.size(), room);
  // Up to where it began; without wrapping, so that a line is a row; and nothing left below.
  if (drawn_ > 0) std::cout << "\x1b[" << drawn_ << 'A';
  std::cout << "\x1b[?7l";
  for (std::size_t i = 0; i < count; ++i) std::cout << lines[i] << "\x1b[K\n";
  std::cout << "\x1b[?7h\x1b[J" << std::flush;
  drawn_ = count;
}

}  // namespace echostream::tool
