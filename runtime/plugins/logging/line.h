// One line of the log, as text or JSON. Whatever a peer says stays within its value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "echostream/base/time.h"
#include "echostream/node.h"
#include "echostream/plugins/logging.h"

namespace echostream::internal {

/// "debug", "info", "warning", "error".
std::string_view name_of(LogLevel level);

class Line {
 public:
  /// `event` says what happened, in a word. In text, time and level are left to whoever writes the
  /// line, which may colour them.
  Line(LogFormat format, WallTime time, LogLevel level, std::string_view event);

  /// Values longer than that are cut.
  static constexpr std::size_t kMostValue = 256;
  Line& text(std::string_view key, std::string_view value);
  Line& number(std::string_view key, std::uint64_t value);
  /// In milliseconds, to the microsecond.
  Line& milliseconds(std::string_view key, Duration value);

  std::string finish() &&;

 private:
  void begin(std::string_view key);
  const LogFormat format_;
  std::string out_;
};

/// "2026-11-29T17:38:00.123456Z" (RFC 3339).
void append_time(std::string& out, WallTime time);

}  // namespace echostream::internal
