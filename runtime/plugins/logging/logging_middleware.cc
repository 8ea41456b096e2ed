#include "runtime/plugins/logging/logging_middleware.h"

#include <optional>
#include <string>

#include "echostream/plugins/tracing.h"

#include "runtime/plugins/logging/log_impl.h"

namespace echostream::internal {
namespace {

using Side = InterceptedCall::Side;

// A fault of this program's, rather than an answer.
bool is_fault(StatusCode code) {
  return code == StatusCode::kInternal || code == StatusCode::kUnknown ||
         code == StatusCode::kDataLoss;
}

LogLevel level_of(const LoggingOptions& options, StatusCode code, Side side) {
  if (code == StatusCode::kOk) return options.calls;
  return side == Side::kServer && is_fault(code) ? LogLevel::kWarning : options.failed_calls;
}

// From the beginning of a call to its end, however it ends. Writes in the destructor, for a layer
// is destroyed where it waits when the call is cancelled.
class CallLine {
 public:
  CallLine(Loop& loop, Log::Impl& log, InterceptedCall& call)
      : loop_(loop), log_(log), call_(call), started_(loop.now()) {}
  ~CallLine() {
    const Side side = call_.side();
    const LogLevel level = level_of(log_.options, code_, side);
    if (!log_.wants(level)) return;
    const WallTime now = loop_.wall_time();
    Line line = log_.line(now, level, side == Side::kServer ? "serve" : "call");
    describe(line);
    log_.write(now, level, code_ == StatusCode::kOk ? LineKind::kCall : LineKind::kFailedCall,
               std::move(line));
  }
  CallLine(const CallLine&) = delete;
  CallLine& operator=(const CallLine&) = delete;

  void end(const Status& status) {
    code_ = status.code();
    message_ = std::string(status.message().substr(0, Line::kMostValue + 1));
  }

 private:
  void describe(Line& line) const {
    line.text("method", call_.method().full_name).text("code", to_string(code_));
    if (!message_.empty()) line.text("message", message_);
    line.milliseconds("ms", loop_.now() - started_);
    if (const std::optional<Session> session = call_.session()) {
      line.text("peer", session->remote_address().to_string());
    }
    if (call_.request()) line.number("request_bytes", call_.request()->size());
    if (call_.reply()) line.number("reply_bytes", call_.reply()->size());
    if (const auto* trace = call_.state().get<TraceContext>()) {
      line.text("trace", trace->trace_id_hex());
    }
    for (const std::string& key : log_.options.metadata_keys) {
      if (const auto value = call_.metadata().find(key)) line.text("metadata." + key, *value);
    }
  }

  Loop& loop_;
  Log::Impl& log_;
  InterceptedCall& call_;
  const LocalTime started_;
  StatusCode code_ = StatusCode::kCancelled;
  std::string message_;
};

// Holds the log, which may be the last one to do so.
Task<Status> log_call(Loop& loop, std::shared_ptr<Log> log, InterceptedCall& call, Next next) {
  CallLine line(loop, log->impl(), call);
  Status status = co_await next();
  line.end(status);
  co_return std::move(status);
}

}  // namespace

bool LoggingMiddleware::wants(const MethodInfo&, Side side) const {
  const Log::Impl& log = log_->impl();
  return log.wants(log.options.calls) || log.wants(log.options.failed_calls) ||
         (side == Side::kServer && log.wants(LogLevel::kWarning));
}

Task<Status> LoggingMiddleware::call(InterceptedCall& call, Next next) {
  return log_call(loop_, log_, call, next);
}

Task<Status> LoggingMiddleware::serve(InterceptedCall& call, Next next) {
  return log_call(loop_, log_, call, next);
}

}  // namespace echostream::internal
