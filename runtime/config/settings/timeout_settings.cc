#include "runtime/config/settings/timeout_settings.h"

#include <chrono>
#include <utility>

#include "echostream/plugins/timeout.h"

namespace echostream {
namespace {

TimeoutRule rule_from(const config::TimeoutRuleSettings& settings) {
  using std::chrono::milliseconds;
  TimeoutRule rule;
  if (settings.methods_size() > 0) {
    rule.methods.assign(settings.methods().begin(), settings.methods().end());
  }
  rule.default_timeout = milliseconds(settings.default_timeout_ms());
  rule.handler_timeout = milliseconds(settings.handler_timeout_ms());
  rule.idle_timeout = milliseconds(settings.idle_timeout_ms());
  rule.max_duration = milliseconds(settings.max_duration_ms());
  return rule;
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::TimeoutSettings& settings) {
  TimeoutOptions options;
  for (const config::TimeoutRuleSettings& rule : settings.rules()) {
    options.rules.push_back(rule_from(rule));
  }
  return make_timeout_plugin(std::move(options));
}

}  // namespace echostream
