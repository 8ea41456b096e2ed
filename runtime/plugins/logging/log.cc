#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "echostream/metadata.h"

#include "runtime/plugins/logging/log_impl.h"

namespace echostream {
namespace {

using internal::LineKind;

// Never logged, whoever asks for it.
constexpr std::string_view kSecretKeys[] = {"authorization", "proxy-authorization", "cookie",
                                            "set-cookie"};
constexpr std::size_t kMostKeys = 32;

WallTime system_time() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

Status check_keys(const std::vector<std::string>& keys) {
  if (keys.size() > kMostKeys) {
    return Status(StatusCode::kInvalidArgument, "logging: at most 32 metadata_keys");
  }
  for (const std::string& key : keys) {
    if (!Metadata::is_valid_key(key)) {
      return Status(StatusCode::kInvalidArgument,
                    "logging: '" + key +
                        "' is no metadata key: lower-case letters, digits, '-', "
                        "'_' and '.'");
    }
    if (std::find(std::begin(kSecretKeys), std::end(kSecretKeys), key) != std::end(kSecretKeys)) {
      return Status(StatusCode::kInvalidArgument,
                    "logging: '" + key + "' carries secrets and is never logged");
    }
  }
  return Status::ok();
}

// What the options or the environment say.
Result<spdlog::level::level_enum> threshold(const LoggingOptions& options) {
  if (options.level) return Log::Impl::to_spdlog(*options.level);
  const char* variable = std::getenv("ECHOSTREAM_LOG");
  if (variable == nullptr || *variable == '\0') return spdlog::level::info;
  const std::string_view text = variable;
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == internal::name_of(level)) return Log::Impl::to_spdlog(level);
  }
  if (text == "off") return spdlog::level::off;
  return Status(StatusCode::kInvalidArgument,
                "logging: ECHOSTREAM_LOG must be debug, info, warning, error or off");
}

// spdlog tells of files that it cannot open by an exception.
Result<spdlog::sink_ptr> open_sink(const LoggingOptions& options) {
  try {
    if (options.file.empty()) {
      auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
      const char* no_color = std::getenv("NO_COLOR");
      if (no_color != nullptr && *no_color != '\0') {
        sink->set_color_mode(spdlog::color_mode::never);
      }
      return spdlog::sink_ptr(std::move(sink));
    }
    if (options.max_file_bytes == 0) {
      return spdlog::sink_ptr(std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file));
    }
    return spdlog::sink_ptr(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        options.file, options.max_file_bytes, options.max_old_files));
  } catch (const std::exception& error) {
    return Status(StatusCode::kUnavailable, "logging: " + std::string(error.what()));
  }
}

}  // namespace

std::string_view internal::name_of(LineKind kind) {
  switch (kind) {
    case LineKind::kCall:
      return "calls";
    case LineKind::kFailedCall:
      return "failed_calls";
    case LineKind::kSession:
      return "sessions";
    case LineKind::kNode:
      return "node";
    case LineKind::kClock:
      return "clocks";
    case LineKind::kProgram:
    case LineKind::kEnd:
      break;
  }
  return "program";
}

spdlog::level::level_enum Log::Impl::to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

void Log::Impl::write(WallTime time, LogLevel level, LineKind kind, internal::Line text) {
  if (!wants(level)) return;
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  std::uint64_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    Window& window = windows_[static_cast<std::size_t>(kind)];
    // Not only later ones: the time of day may be set back.
    if (window.second != second) {
      left_out = window.suppressed;
      window = {second, 0, 0};
    }
    if (window.lines >= options.max_lines_per_second) {
      ++window.suppressed;
      suppressed.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    ++window.lines;
  }
  if (left_out != 0) {
    internal::Line told = line(time, LogLevel::kWarning, "suppressed");
    told.text("lines_of", internal::name_of(kind)).number("count", left_out);
    write_now(time, LogLevel::kWarning, std::move(told).finish());
  }
  write_now(time, level, std::move(text).finish());
}

void Log::Impl::write_now(WallTime time, LogLevel level, const std::string& text) {
  const std::chrono::system_clock::time_point at{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(time.time_since_epoch())};
  written.fetch_add(1, std::memory_order_relaxed);
  // What the sink throws ends in the error handler.
  logger->log(at, spdlog::source_loc{}, to_spdlog(level), text);
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Result<std::shared_ptr<Log>> Log::open(LoggingOptions options) {
  if (Status status = check_keys(options.metadata_keys); !status.is_ok()) return status;
  if (options.max_lines_per_second == 0) {
    return Status(StatusCode::kInvalidArgument, "logging: max_lines_per_second must be at least 1");
  }
  auto level = threshold(options);
  if (!level) return level.error();
  auto sink = open_sink(options);
  if (!sink) return sink.error();
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->logger = std::make_shared<spdlog::logger>("echostream", *std::move(sink));
  impl->logger->set_level(*level);
  impl->logger->flush_on(spdlog::level::info);
  const char* pattern =
      impl->options.format == LogFormat::kJson ? "%v" : "%Y-%m-%dT%H:%M:%S.%fZ %^%l%$ %v";
  impl->logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
  // A full disk is no reason to stop, and stderr may be as full.
  impl->logger->set_error_handler(
      [failed = &impl->failed](const std::string&) { failed->fetch_add(1); });
  return std::shared_ptr<Log>(new Log(std::move(impl)));
}

std::function<void(LogLevel, std::string_view)> Log::sink_of(std::shared_ptr<Log> log) {
  return [log = std::move(log)](LogLevel level, std::string_view text) {
    if (!log->impl_->wants(level)) return;
    const WallTime now = system_time();
    internal::Line line = log->impl_->line(now, level, "node");
    line.text("message", text);
    log->impl_->write(now, level, LineKind::kNode, std::move(line));
  };
}

void Log::write(LogLevel level, std::string_view text) {
  if (!impl_->wants(level)) return;
  const WallTime now = system_time();
  internal::Line line = impl_->line(now, level, "program");
  line.text("message", text);
  impl_->write(now, level, LineKind::kProgram, std::move(line));
}

LogStats Log::stats() const {
  LogStats stats;
  stats.written = impl_->written.load();
  stats.suppressed = impl_->suppressed.load();
  stats.failed = impl_->failed.load();
  return stats;
}

void Log::flush() { impl_->logger->flush(); }

}  // namespace echostream
