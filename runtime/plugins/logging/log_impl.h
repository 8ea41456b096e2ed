// What is behind a Log.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "echostream/base/time.h"
#include "echostream/plugins/logging.h"

#include "runtime/plugins/logging/line.h"

namespace echostream {

namespace internal {
/// Lines of one kind are counted together when there are too many.
enum class LineKind : std::uint8_t { kCall, kFailedCall, kSession, kNode, kClock, kProgram, kEnd };
std::string_view name_of(LineKind kind);
}  // namespace internal

struct Log::Impl {
  explicit Impl(LoggingOptions chosen) : options(std::move(chosen)) {}

  /// Whether such lines are written at all.
  bool wants(LogLevel level) const noexcept { return logger->should_log(to_spdlog(level)); }
  internal::Line line(WallTime time, LogLevel level, std::string_view event) const {
    return {options.format, time, level, event};
  }
  /// Counts it instead when too many of its kind have been written in this second.
  void write(WallTime time, LogLevel level, internal::LineKind kind, internal::Line line);

  static spdlog::level::level_enum to_spdlog(LogLevel level) noexcept;

  const LoggingOptions options;
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> suppressed{0};
  std::atomic<std::uint64_t> failed{0};

 private:
  /// What was written of one kind in one second.
  struct Window {
    std::int64_t second = INT64_MIN;
    std::size_t lines = 0;
    std::uint64_t suppressed = 0;
  };
  void write_now(WallTime time, LogLevel level, const std::string& text);

  std::mutex mutex_;
  std::array<Window, static_cast<std::size_t>(internal::LineKind::kEnd)> windows_;
};

}  // namespace echostream
