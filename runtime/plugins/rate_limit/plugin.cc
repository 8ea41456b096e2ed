// The rules, checked, and the plugin that puts its layer into a node.
#include <utility>

#include "echostream/plugins/rate_limit.h"

#include "runtime/plugins/rate_limit/limiter.h"

namespace echostream {

namespace rate_limit {
namespace {

Status wrong(std::string what) { return {StatusCode::kInvalidArgument, std::move(what)}; }

Status check_rule(const RateRule& rule) {
  using namespace std::chrono_literals;
  // Written so that what is no number is refused too.
  if (!(rule.per_second >= 1e-6 && rule.per_second <= 1e9)) {
    return wrong("per_second must be 0.000001 to 1000000000");
  }
  if (!(rule.burst >= 1 && rule.burst <= 1e9)) return wrong("burst must be 1 to 1000000000");
  if (rule.burst / rule.per_second > 1e8) {
    return wrong(
        "a burst that takes years to come back (burst / per_second) is no limit; at most "
        "100000000 seconds");
  }
  if (rule.max_wait < 0s || rule.max_wait > 1min) return wrong("max_wait must be 0 to a minute");
  if (rule.max_wait > 0s && rule.what != RateRule::What::kCalls) {
    return wrong("max_wait is for calls; messages and bytes cannot wait");
  }
  if (rule.max_wait > 0s && (rule.max_waiting < 1 || rule.max_waiting > 1'000'000)) {
    return wrong("max_waiting must be 1 to 1000000");
  }
  if (rule.side == RateRule::Side::kCaller && rule.per == RateRule::Per::kPrincipal) {
    return wrong(
        "calls that this node makes have no principal; limit them per peer_address, session "
        "or node");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<RateLimits>> make_limits(const RateLimitOptions& options) {
  if (options.max_entries < 16 || options.max_entries > 10'000'000) {
    return wrong("max_entries must be 16 to 10000000");
  }
  auto limits = std::make_shared<RateLimits>();
  for (const RateRule& rule : options.rules) {
    const std::string which = "rate rule " + std::to_string(limits->all.size() + 1);
    auto methods = plugins::MethodPatterns::parse(rule.methods);
    if (!methods) return methods.error().with_context(which);
    Status checked = check_rule(rule);
    if (!checked.is_ok()) return checked.with_context(which);
    limits->all.push_back(std::make_unique<Limit>(rule, *std::move(methods), options.max_entries));
  }
  return limits;
}

namespace {

std::vector<plugins::MethodPattern> served_patterns(const RateLimits& limits) {
  std::vector<plugins::MethodPattern> all;
  for (const auto& limit : limits.all) {
    if (limit->rule.side != RateRule::Side::kServer) continue;
    const auto& some = limit->methods.patterns();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

class Implementation final : public RateLimitPlugin {
 public:
  explicit Implementation(std::shared_ptr<RateLimits> limits)
      : limits_(std::move(limits)), unmatched_(served_patterns(*limits_)) {}

  std::string_view name() const override { return "rate_limit"; }
  std::string_view version() const override { return "1"; }
  bool checks_sessions() const override { return false; }

  Task<Status> on_start(Node& node) override {
    limits_->log = std::make_shared<plugins::Warnings>(
        [&node](LogLevel level, std::string_view line) { node.log(level, line); });
    node.add_middleware(std::make_shared<Limiter>(limits_));
    co_return Status();
  }
  Status on_service(Node&, const ServiceInfo& service) override {
    unmatched_.saw(service);
    return {};
  }
  // By now what a node serves is there, usually.
  void on_listening(Node& node, const SocketAddress&) override { warn_of_unmatched(node); }
  void on_session_open(Node& node, const Session&) override { warn_of_unmatched(node); }

  RateLimitStats stats() const override {
    RateLimitStats stats = limits_->stats;
    for (const auto& limit : limits_->all) stats.entries += limit->buckets.size();
    return stats;
  }

 private:
  void warn_of_unmatched(Node& node) {
    for (const std::string& pattern : unmatched_.take()) {
      node.log(LogLevel::kWarning,
               "rate_limit: a rule names '" + pattern + "', but no service here has such a method");
    }
  }

  std::shared_ptr<RateLimits> limits_;
  plugins::UnmatchedPatterns unmatched_;
};

}  // namespace
}  // namespace rate_limit

Result<std::shared_ptr<RateLimitPlugin>> make_rate_limit_plugin(RateLimitOptions options) {
  auto limits = rate_limit::make_limits(options);
  if (!limits) return std::move(limits).error();
  return std::shared_ptr<RateLimitPlugin>(
      std::make_shared<rate_limit::Implementation>(*std::move(limits)));
}

}  // namespace echostream
