#include "runtime/config/settings/rate_limit_settings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "echostream/plugins/rate_limit.h"

namespace echostream {
namespace {

using Settings = config::RateLimitSettings::Rule;

// Other numbers come from binary forms only: texts have names, which their readers know.
Status no_choice(const char* field, const char* choices) {
  return {StatusCode::kInvalidArgument, std::string(field) + " must be one of " + choices};
}

Status read_choices(const Settings& settings, RateRule& rule) {
  switch (settings.side()) {
    case Settings::SERVER:
      rule.side = RateRule::Side::kServer;
      break;
    case Settings::CALLER:
      rule.side = RateRule::Side::kCaller;
      break;
    default:
      return no_choice("side", "SERVER, CALLER");
  }
  switch (settings.what()) {
    case Settings::CALLS:
      rule.what = RateRule::What::kCalls;
      break;
    case Settings::MESSAGES:
      rule.what = RateRule::What::kMessages;
      break;
    case Settings::BYTES:
      rule.what = RateRule::What::kBytes;
      break;
    default:
      return no_choice("what", "CALLS, MESSAGES, BYTES");
  }
  switch (settings.per()) {
    case Settings::PEER_ADDRESS:
      rule.per = RateRule::Per::kPeerAddress;
      break;
    case Settings::PRINCIPAL:
      rule.per = RateRule::Per::kPrincipal;
      break;
    case Settings::SESSION:
      rule.per = RateRule::Per::kSession;
      break;
    case Settings::NODE:
      rule.per = RateRule::Per::kNode;
      break;
    default:
      return no_choice("per", "PEER_ADDRESS, PRINCIPAL, SESSION, NODE");
  }
  return {};
}

Result<RateRule> read_rule(const Settings& settings) {
  RateRule rule;
  Status status = read_choices(settings, rule);
  if (!status.is_ok()) return status;
  if (settings.methods_size() > 0) {
    rule.methods.assign(settings.methods().begin(), settings.methods().end());
  }
  rule.per_second = settings.per_second();
  rule.burst = settings.has_burst() ? settings.burst() : std::max(1.0, settings.per_second());
  if (settings.has_each_method()) rule.each_method = settings.each_method();
  // What is out of range stays so.
  rule.max_wait =
      std::chrono::milliseconds(std::clamp<std::int64_t>(settings.max_wait_ms(), -1, 1'000'000));
  if (settings.has_max_waiting()) rule.max_waiting = settings.max_waiting();
  return rule;
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::RateLimitSettings& settings) {
  RateLimitOptions options;
  for (int i = 0; i < settings.rules_size(); ++i) {
    auto rule = read_rule(settings.rules(i));
    if (!rule) {
      return rule.error().with_context("rate_limit: rate rule " + std::to_string(i + 1));
    }
    options.rules.push_back(*std::move(rule));
  }
  if (settings.has_max_entries()) options.max_entries = settings.max_entries();
  auto plugin = make_rate_limit_plugin(std::move(options));
  if (!plugin) return plugin.error().with_context("rate_limit");
  return std::shared_ptr<Plugin>(*std::move(plugin));
}

}  // namespace echostream
