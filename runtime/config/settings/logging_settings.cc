#include "runtime/config/settings/logging_settings.h"

#include <optional>
#include <utility>

#include "runtime/config/settings/shared_by_settings.h"

namespace echostream {
namespace {

using config::LoggingSettings;

// None for UNSET, and for numbers that have no name, which proto3 keeps.
std::optional<LogLevel> level_from(int level) {
  switch (level) {
    case LoggingSettings::DEBUG:
      return LogLevel::kDebug;
    case LoggingSettings::INFO:
      return LogLevel::kInfo;
    case LoggingSettings::WARNING:
      return LogLevel::kWarning;
    case LoggingSettings::ERROR:
      return LogLevel::kError;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::shared_ptr<Log>> open_log(const LoggingSettings& settings) {
  static internal::SharedBySettings<Log> logs;
  LoggingOptions options;
  options.file = settings.file();
  if (settings.has_max_file_bytes()) options.max_file_bytes = settings.max_file_bytes();
  if (settings.has_max_old_files()) options.max_old_files = settings.max_old_files();
  if (settings.format() == LoggingSettings::JSON) options.format = LogFormat::kJson;
  options.level = level_from(settings.level());
  options.calls = level_from(settings.calls()).value_or(options.calls);
  options.failed_calls = level_from(settings.failed_calls()).value_or(options.failed_calls);
  options.metadata_keys.assign(settings.metadata_keys().begin(), settings.metadata_keys().end());
  if (settings.has_max_lines_per_second()) {
    options.max_lines_per_second = settings.max_lines_per_second();
  }
  return logs.get(settings, [&options] { return Log::open(std::move(options)); });
}

Result<std::shared_ptr<Plugin>> make_plugin(const LoggingSettings& settings) {
  auto log = open_log(settings);
  if (!log) return log.error();
  return make_logging_plugin(*std::move(log));
}

}  // namespace echostream
