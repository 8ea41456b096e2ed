#include "console.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

namespace intercom {

void say(const echostream::Loop& loop, std::string_view station, std::string_view text) {
  const auto since_epoch = loop.wall_time().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(since_epoch - seconds);
  const std::time_t time = seconds.count();
  std::tm local{};
  localtime_r(&time, &local);
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min,
                local.tm_sec, static_cast<int>(rest.count()));
  std::string name(station);
  name.resize(std::max<std::size_t>(name.size(), 7), ' ');
  // One write per line: two stations may share a terminal.
  std::cout << std::string(stamp) + "  " + name + "  " + std::string(text) + "\n" << std::flush;
}

}  // namespace intercom
