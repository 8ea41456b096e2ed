// Warnings of a plugin that peers could repeat without end: a few are logged, the others counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "echostream/base/time.h"
#include "echostream/node.h"

namespace echostream::plugins {

/// Ten at once, then one a second.
class Warnings {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;
  explicit Warnings(Log log) : log_(std::move(log)) {}

  void warn(LocalTime now, std::string text) {
    const std::int64_t second = now.time_since_epoch() / std::chrono::seconds(1);
    left_ =
        std::min<std::int64_t>(kBurst, left_ + std::max<std::int64_t>(0, second - last_second_));
    last_second_ = second;
    if (left_ == 0) {
      ++left_out_;
      return;
    }
    --left_;
    if (left_out_ > 0) text += " (and " + std::to_string(left_out_) + " more before)";
    left_out_ = 0;
    if (log_) log_(LogLevel::kWarning, text);
  }

 private:
  static constexpr std::int64_t kBurst = 10;
  Log log_;
  std::int64_t left_ = kBurst;
  std::int64_t last_second_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace echostream::plugins
