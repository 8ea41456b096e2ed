#include "runtime/config/settings/retry_settings.h"

#include <chrono>
#include <utility>

#include "echostream/plugins/retry.h"

namespace echostream {
namespace {

RetryPolicy policy_from(const config::RetryPolicySettings& settings) {
  using std::chrono::milliseconds;
  RetryPolicy policy;
  if (settings.methods_size() > 0) {
    policy.methods.assign(settings.methods().begin(), settings.methods().end());
  }
  if (settings.codes_size() > 0) {
    policy.codes.clear();
    for (const int code : settings.codes()) {
      policy.codes.push_back(status_code_from_wire(static_cast<std::uint64_t>(code)));
    }
  }
  if (settings.has_max_attempts()) policy.max_attempts = settings.max_attempts();
  if (settings.has_initial_backoff_ms()) {
    policy.initial_backoff = milliseconds(settings.initial_backoff_ms());
  }
  if (settings.has_max_backoff_ms()) policy.max_backoff = milliseconds(settings.max_backoff_ms());
  if (settings.has_multiplier()) policy.multiplier = settings.multiplier();
  policy.attempt_timeout = milliseconds(settings.attempt_timeout_ms());
  if (settings.has_retry_share()) policy.retry_share = settings.retry_share();
  if (settings.has_retry_burst()) policy.retry_burst = settings.retry_burst();
  return policy;
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::RetrySettings& settings) {
  RetryOptions options;
  if (settings.policies_size() > 0) options.policies.clear();
  for (const config::RetryPolicySettings& policy : settings.policies()) {
    options.policies.push_back(policy_from(policy));
  }
  auto plugin = make_retry_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return std::shared_ptr<Plugin>(*std::move(plugin));
}

}  // namespace echostream
