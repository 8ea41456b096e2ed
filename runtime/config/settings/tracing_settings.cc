#include "runtime/config/settings/tracing_settings.h"

#include <chrono>
#include <map>
#include <utility>

#include "echostream/plugins/tracing.h"

namespace echostream {

using std::chrono::milliseconds;

namespace {

UnrecordedCalls unrecorded_calls_from(int number) {
  switch (number) {
    case config::TracingSettings::SAY_NOTHING:
      return UnrecordedCalls::kSayNothing;
    case config::TracingSettings::TRACEPARENT:
      return UnrecordedCalls::kTraceparent;
    default:  // SAY_NO, and numbers that have no name, which proto3 keeps
      return UnrecordedCalls::kSayNo;
  }
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::TracingSettings& settings) {
  TracingOptions options;
  if (settings.has_service_name()) options.service_name = settings.service_name();
  // In an order, which protobuf's maps have none of.
  const std::map<std::string, std::string> attributes(settings.resource_attributes().begin(),
                                                      settings.resource_attributes().end());
  options.resource_attributes.assign(attributes.begin(), attributes.end());
  if (settings.has_sample_ratio()) options.sample_ratio = settings.sample_ratio();
  if (settings.has_follow_callers()) options.follow_callers = settings.follow_callers();
  options.unrecorded_calls = unrecorded_calls_from(settings.unrecorded_calls());
  options.file = settings.file();
  if (settings.has_max_file_bytes()) options.max_file_bytes = settings.max_file_bytes();
  options.collector = settings.collector();
  if (settings.has_collector_timeout_ms()) {
    options.collector_timeout = milliseconds(settings.collector_timeout_ms());
  }
  if (settings.has_max_queue()) options.max_queue = settings.max_queue();
  if (settings.has_max_batch()) options.max_batch = settings.max_batch();
  if (settings.has_interval_ms()) options.interval = milliseconds(settings.interval_ms());
  if (settings.has_max_message_events()) {
    options.max_message_events = settings.max_message_events();
  }
  auto plugin = make_tracing_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return std::shared_ptr<Plugin>(*std::move(plugin));
}

}  // namespace echostream
