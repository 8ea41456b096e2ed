// Warnings that a peer or a network could repeat without end: a few of them are logged, the others
// counted.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/api/node_context.h"
#include "runtime/transport/rate_limit.h"

namespace echostream::internal {

class LimitedLog {
 public:
  /// `context` outlives it.
  explicit LimitedLog(NodeContext& context) : context_(context) {}

  /// The line is logged soon, outside of whatever calls this: the program may then do as it likes.
  void warn(LocalTime now, std::string text) {
    if (!limit_.take(now)) {
      ++left_out_;
      return;
    }
    if (left_out_ > 0) text += " (and " + std::to_string(left_out_) + " more before)";
    left_out_ = 0;
    context_.deferrer.defer(
        [context = &context_, line = std::move(text)] { context->log(LogLevel::kWarning, line); });
  }

 private:
  static constexpr std::uint64_t kPerSecond = 1;
  static constexpr std::uint64_t kBurst = 10;

  NodeContext& context_;
  transport::RateLimit limit_{kPerSecond, kBurst};
  std::uint64_t left_out_ = 0;
};

}  // namespace echostream::internal
