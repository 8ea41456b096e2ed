// Middleware that writes a line for each call, event and stream when it ends.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "echostream/base/task.h"
#include "echostream/loop.h"
#include "echostream/middleware.h"
#include "echostream/plugins/logging.h"

namespace echostream::internal {

class LoggingMiddleware final : public Middleware {
 public:
  LoggingMiddleware(Loop& loop, std::shared_ptr<Log> log) noexcept
      : loop_(loop), log_(std::move(log)) {}

  std::string_view name() const override { return "logging"; }
  /// Not when no line would ever be written.
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  Loop& loop_;
  std::shared_ptr<Log> log_;
};

}  // namespace echostream::internal
