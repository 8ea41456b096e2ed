// One line for each call, session and warning: docs/plugins/logging.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/node.h"
#include "echostream/plugin.h"

namespace echostream {

enum class LogFormat : std::uint8_t {
  kText,  // for people: key=value, in colours on a terminal unless NO_COLOR is set
  kJson,  // for programs: one JSON object on each line
};

class LoggingOptions {
 public:
  LoggingOptions() {}

  /// Appended to; empty: stderr.
  std::string file;
  /// A file that would become larger is renamed to "name.1.log", the one before to "name.2.log",
  /// and so on. 0: it grows for ever.
  std::size_t max_file_bytes = 64 * 1024 * 1024;
  std::size_t max_old_files = 4;
  LogFormat format = LogFormat::kText;
  /// Lines below it are left out. Unset: what the environment variable ECHOSTREAM_LOG says (debug,
  /// info, warning, error, off), or info.
  std::optional<LogLevel> level;
  /// Of calls that end well, and of others. Those that end with INTERNAL, UNKNOWN or DATA_LOSS are
  /// warnings, when they are served here.
  LogLevel calls = LogLevel::kDebug;
  LogLevel failed_calls = LogLevel::kInfo;
  /// Keys of request metadata whose values are logged with a call; nothing of metadata is
  /// otherwise. Those that carry secrets (authorization, cookie, ...) are refused.
  std::vector<std::string> metadata_keys;
  /// Of each kind (calls, failed calls, sessions, lines of the node, ...). More are counted, and
  /// the count is logged in the next second.
  std::size_t max_lines_per_second = 1000;
};
static_assert(kSafeInAwait<LoggingOptions>);

struct LogStats {
  std::uint64_t written = 0;
  /// Over max_lines_per_second.
  std::uint64_t suppressed = 0;
  /// The disk was full, or the file could not be written for another reason.
  std::uint64_t failed = 0;
};

/// Where lines go. Any thread; nodes may share one. Never waits for more than the system's write(),
/// and never fails: what cannot be written is counted.
class Log {
 public:
  /// INVALID_ARGUMENT (a key that may not be logged, ECHOSTREAM_LOG that is no level, ...),
  /// UNAVAILABLE when the file cannot be opened.
  static Result<std::shared_ptr<Log>> open(LoggingOptions options);
  ~Log();

  /// For NodeOptions::log.
  static std::function<void(LogLevel, std::string_view)> sink_of(std::shared_ptr<Log> log);
  /// A line of the program's own.
  void write(LogLevel level, std::string_view text);
  LogStats stats() const;
  void flush();

  struct Impl;
  Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

std::shared_ptr<Plugin> make_logging_plugin(std::shared_ptr<Log> log);
/// With a log of its own.
Result<std::shared_ptr<Plugin>> make_logging_plugin(LoggingOptions options);

}  // namespace echostream
