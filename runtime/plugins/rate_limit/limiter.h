// The layer that lets calls and messages through, lets them wait, or refuses them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "echostream/middleware.h"
#include "echostream/node.h"
#include "echostream/plugins/rate_limit.h"

#include "runtime/plugins/rate_limit/bucket_table.h"
#include "runtime/plugins/support/method_pattern.h"
#include "runtime/plugins/support/warnings.h"

namespace echostream::rate_limit {

/// A RateRule that was checked, and its buckets.
class Limit {
 public:
  Limit(RateRule rule, plugins::MethodPatterns methods, std::size_t max_entries);
  /// As the caller that InterceptedCall tells of.
  std::string key_of(InterceptedCall& call) const;

  const RateRule rule;
  const plugins::MethodPatterns methods;
  const BucketRate rate;
  BucketTable buckets;
  std::size_t waiting = 0;
};

/// What the layer and its filters share.
struct RateLimits {
  std::vector<std::unique_ptr<Limit>> all;
  RateLimitStats stats;
  std::shared_ptr<plugins::Warnings> log;
};

/// INVALID_ARGUMENT says which rule is wrong.
Result<std::shared_ptr<RateLimits>> make_limits(const RateLimitOptions& options);

class Limiter final : public Middleware {
 public:
  explicit Limiter(std::shared_ptr<RateLimits> limits) : limits_(std::move(limits)) {}

  std::string_view name() const override { return "rate_limit"; }
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  using LimitsOfMethod = std::vector<Limit*>;
  const LimitsOfMethod& limits_of(const MethodInfo& method, InterceptedCall::Side side);
  Task<Status> pass(InterceptedCall& call, Next next);
  Task<Status> admit(InterceptedCall& call);

  std::shared_ptr<RateLimits> limits_;
  /// By side and by address, which lives as long as the program.
  std::array<std::unordered_map<const MethodInfo*, LimitsOfMethod>, 2> found_;
};

}  // namespace echostream::rate_limit
