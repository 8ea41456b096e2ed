#include "runtime/config/settings/health_settings.h"

#include <cstdint>
#include <string>
#include <utility>

#include "echostream/plugins/health.h"

namespace echostream {
namespace {

Status take(const char* field, std::int64_t value, std::size_t& into) {
  constexpr std::int64_t kMost = 10'000;
  if (value < 0 || value > kMost) {
    return {StatusCode::kInvalidArgument,
            std::string(field) + " is " + std::to_string(value) + "; use 0 to 10000"};
  }
  into = static_cast<std::size_t>(value);
  return Status::ok();
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::HealthSettings& settings) {
  HealthOptions options;
  if (settings.has_max_watches()) {
    Status status = take("max_watches", settings.max_watches(), options.max_watches);
    if (!status.is_ok()) return status;
  }
  if (settings.has_max_watches_per_session()) {
    Status status = take("max_watches_per_session", settings.max_watches_per_session(),
                         options.max_watches_per_session);
    if (!status.is_ok()) return status;
  }
  return std::shared_ptr<Plugin>(std::make_shared<HealthPlugin>(std::move(options)));
}

}  // namespace echostream
