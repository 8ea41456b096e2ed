// Includes every public header of the plugins, and starts a node that has all of them.
#ifdef HAS_auth_token
#include "echostream/plugins/auth_token.h"
#include "echostream/plugins/authenticated_peer.h"
#endif
#ifdef HAS_compression
#include "echostream/plugins/compression.h"
#endif
#ifdef HAS_health
#include "echostream/plugins/health.h"

#include "grpc/health/v1/health.echostream.h"
#endif
#ifdef HAS_logging
#include "echostream/plugins/logging.h"
#endif
#ifdef HAS_metrics
#include "echostream/plugins/metrics.h"
#endif
#ifdef HAS_rate_limit
#include "echostream/plugins/rate_limit.h"
#endif
#ifdef HAS_recorder
#include "echostream/plugins/recorder.h"
#include "echostream/plugins/recording.h"
#include "echostream/plugins/replay.h"
#endif
#ifdef HAS_gateway
#include "echostream/console.echostream.h"
#include "echostream/http.h"
#endif
#ifdef HAS_reflection
#include "echostream/reflection.echostream.h"
#include "echostream/reflection.h"

#include "grpc/reflection/v1/reflection.echostream.h"
#endif
#ifdef HAS_retry
#include "echostream/plugins/retry.h"
#endif
#ifdef HAS_timeout
#include "echostream/plugins/timeout.h"
#endif
#ifdef HAS_tracing
#include "echostream/plugins/tracing.h"
#endif

#include <iostream>

#include "echostream/config.h"
#include "echostream/node.h"

namespace {

// Each is as good as empty, and made from what its component links.
constexpr const char* kPlugins[] = {
#ifdef HAS_auth_token
    R"(plugins { auth_token { rules { methods: "*" allow { anyone: true } } } })",
#endif
#ifdef HAS_compression
    R"(plugins { compression {} })",
#endif
#ifdef HAS_health
    R"(plugins { health {} })",
#endif
#ifdef HAS_logging
    R"(plugins { logging { level: ERROR } })",
#endif
#ifdef HAS_metrics
    R"(plugins { metrics { listen: "127.0.0.1:0" } })",
#endif
#ifdef HAS_rate_limit
    R"(plugins { rate_limit { rules { per_second: 10 } } })",
#endif
#ifdef HAS_recorder
    R"(plugins { recorder { path: "components-{id}.mcap" } })",
#endif
#ifdef HAS_retry
    R"(plugins { retry {} })",
#endif
#ifdef HAS_timeout
    R"(plugins { timeout { rules { default_timeout_ms: 1000 } } })",
#endif
#ifdef HAS_tracing
    R"(plugins { tracing { file: "components.spans" } })",
#endif
};

}  // namespace

int main() {
  std::string text;
  for (const char* plugin : kPlugins) text += plugin;
  const auto fail = [](const echostream::Status& status) {
    std::cerr << status << '\n';
    return 1;
  };
  const auto configuration = echostream::parse_config(text, "components.textproto");
  if (!configuration) return fail(configuration.error());
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return fail(loop.error());
  auto options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  echostream::Node node(**loop, *std::move(options));
  if (const auto added = echostream::add_plugins(*configuration, node); !added.is_ok()) {
    return fail(added);
  }
#ifdef HAS_reflection
  if (const auto served = echostream::serve_reflection(node); !served.is_ok()) return fail(served);
#endif
#ifdef HAS_gateway
  echostream::HttpOptions http;
  http.console = true;
  if (const auto enabled = echostream::enable_http(node, http); !enabled.is_ok()) {
    return fail(enabled);
  }
#endif
  const echostream::Status started = echostream::run(**loop, node.start());
  return started.is_ok() ? 0 : fail(started);
}
