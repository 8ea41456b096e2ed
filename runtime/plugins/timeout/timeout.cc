#include "echostream/plugins/timeout.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/call_context.h"
#include "echostream/middleware.h"

#include "runtime/plugins/support/method_pattern.h"
#include "runtime/plugins/timeout/idle_watch.h"

namespace echostream {
namespace {

using plugins::MethodPatterns;

Status check(const TimeoutRule& rule) {
  auto patterns = MethodPatterns::parse(rule.methods);
  if (!patterns) return patterns.error().with_context("methods");
  const std::pair<const char*, Duration> times[] = {{"default_timeout", rule.default_timeout},
                                                    {"handler_timeout", rule.handler_timeout},
                                                    {"idle_timeout", rule.idle_timeout},
                                                    {"max_duration", rule.max_duration}};
  for (const auto& [name, time] : times) {
    if (time < Duration::zero()) {
      return {StatusCode::kInvalidArgument, std::string(name) + ": positive, or zero for none"};
    }
  }
  return Status::ok();
}

Status check(const TimeoutOptions& options) {
  for (std::size_t i = 0; i < options.rules.size(); ++i) {
    Status status = check(options.rules[i]);
    if (!status.is_ok()) return status.with_context("rules[" + std::to_string(i) + "]");
  }
  return Status::ok();
}

// Whether it has a deadline of its own: not that of the call which it is made for. No layer need
// see that one.
bool has_own_deadline(const InterceptedCall& call, const internal::TaskContext& context) {
  return call.deadline() != (context.call != nullptr ? context.call->deadline() : kNever);
}

void bound_deadline(InterceptedCall& call, Duration time) {
  if (time == Duration::zero()) return;
  call.set_deadline(std::min(call.deadline(), deadline_after(call.executor().now(), time)));
}

class TimeoutLayer final : public Middleware {
 public:
  explicit TimeoutLayer(const TimeoutOptions& options) {
    for (const TimeoutRule& rule : options.rules) {
      rules_.push_back({*MethodPatterns::parse(rule.methods), rule});
    }
  }

  std::string_view name() const override { return "timeout"; }

  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override {
    const TimeoutRule* rule = find(method);
    if (rule == nullptr) return false;
    const Duration none{};
    const bool calls = side == InterceptedCall::Side::kCaller;
    switch (method.kind) {
      case MethodKind::kRpc:
        return (calls ? rule->default_timeout : rule->handler_timeout) != none;
      case MethodKind::kEvent:
        return calls && rule->default_timeout != none;
      case MethodKind::kStream:
        return rule->idle_timeout != none || rule->max_duration != none;
      case MethodKind::kPublished:
        return false;
    }
    return false;
  }

  Task<Status> call(InterceptedCall& call, Next next) override {
    const TimeoutRule& rule = *find(call.method());
    if (call.method().kind == MethodKind::kStream) return run_stream(rule, call, next);
    return run_in_time(rule, call, next);
  }

  Task<Status> serve(InterceptedCall& call, Next next) override {
    const TimeoutRule& rule = *find(call.method());
    if (call.method().kind == MethodKind::kStream) return run_stream(rule, call, next);
    bound_deadline(call, rule.handler_timeout);
    return next();
  }

 private:
  const TimeoutRule* find(const MethodInfo& method) const {
    for (const Rule& rule : rules_) {
      if (rule.methods.matches(method.full_name)) return &rule.times;
    }
    return nullptr;
  }

  static Task<Status> run_in_time(const TimeoutRule& rule, InterceptedCall& call, Next next) {
    const internal::TaskContext context = co_await internal::current_context();
    if (!has_own_deadline(call, context)) bound_deadline(call, rule.default_timeout);
    Status status = co_await next();
    co_return status;
  }

  static Task<Status> run_stream(const TimeoutRule& rule, InterceptedCall& call, Next next) {
    bound_deadline(call, rule.max_duration);
    if (rule.idle_timeout == Duration::zero()) return next();
    return timeout::run_until_idle(call, next, rule.idle_timeout);
  }

  struct Rule {
    MethodPatterns methods;
    TimeoutRule times;
  };
  std::vector<Rule> rules_;
};

class TimeoutPlugin final : public Plugin {
 public:
  explicit TimeoutPlugin(const TimeoutOptions& options)
      : layer_(std::make_shared<TimeoutLayer>(options)) {}

  std::string_view name() const override { return "timeout"; }

  bool checks_sessions() const override { return false; }
  Task<Status> on_start(Node& node) override {
    node.add_middleware(layer_);
    co_return Status::ok();
  }

 private:
  std::shared_ptr<TimeoutLayer> layer_;
};

}  // namespace

Result<std::shared_ptr<Plugin>> make_timeout_plugin(TimeoutOptions options) {
  if (Status status = check(options); !status.is_ok()) return status;
  return std::shared_ptr<Plugin>(std::make_shared<TimeoutPlugin>(options));
}

}  // namespace echostream
