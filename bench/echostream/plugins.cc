#include "bench/echostream/plugins.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "echostream/plugin.h"
#ifdef BENCH_HAS_auth_token
#include "echostream/plugins/auth_token.h"
#endif
#ifdef BENCH_HAS_logging
#include "echostream/plugins/logging.h"
#endif
#ifdef BENCH_HAS_metrics
#include "echostream/plugins/metrics.h"
#endif
#ifdef BENCH_HAS_tracing
#include "echostream/plugins/tracing.h"
#endif

namespace bench {
namespace {

using echostream::Plugin;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using PluginPtr = std::shared_ptr<Plugin>;

#ifdef BENCH_HAS_auth_token
// Both sides: asks for the token, and shows it.
Result<PluginPtr> make_auth() {
  static constexpr char kToken[] = "a-token-that-only-the-benchmark-knows";
  auto token = echostream::StaticToken::of(kToken, "bench");
  if (!token) return token.error();
  echostream::AuthTokenOptions options;
  options.static_tokens.push_back(*std::move(token));
  options.send = echostream::fixed_token(kToken);
  auto plugin = make_auth_token_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return PluginPtr(*std::move(plugin));
}
#endif

#ifdef BENCH_HAS_metrics
Result<PluginPtr> make_metrics(const std::string& address) {
  echostream::MetricsOptions options;
  if (!address.empty()) options.listen.emplace().address = address;
  return PluginPtr(make_metrics_plugin(std::move(options)));
}
#endif

#ifdef BENCH_HAS_tracing
Result<PluginPtr> make_tracing(const std::string& ratio) {
  echostream::TracingOptions options;
  options.file = "/dev/null";
  options.sample_ratio = ratio.empty() ? 1 : std::strtod(ratio.c_str(), nullptr);
  auto plugin = make_tracing_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return PluginPtr(*std::move(plugin));
}
#endif

Result<PluginPtr> make_plugin(std::string_view name, [[maybe_unused]] const std::string& value) {
#ifdef BENCH_HAS_auth_token
  if (name == "auth_token") return make_auth();
#endif
#ifdef BENCH_HAS_logging
  if (name == "logging") return make_logging_plugin(echostream::LoggingOptions());
#endif
#ifdef BENCH_HAS_metrics
  if (name == "metrics") return make_metrics(value);
#endif
#ifdef BENCH_HAS_tracing
  if (name == "tracing") return make_tracing(value);
#endif
  return Status(StatusCode::kInvalidArgument,
                "--plugins: '" + std::string(name) + "' is not among " + kPluginsHelp);
}

}  // namespace

Status add_plugins(echostream::Node& node, std::string_view list) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    const std::size_t equals = entry.find('=');
    const std::string value(equals == std::string_view::npos ? "" : entry.substr(equals + 1));
    auto plugin = make_plugin(entry.substr(0, equals), value);
    if (!plugin) return plugin.error();
    if (Status status = node.add_plugin(*std::move(plugin)); !status.is_ok()) return status;
  }
  return Status::ok();
}

}  // namespace bench
