// The effective configuration, without what must not be seen.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <vector>

#include "echostream/config.h"

#include "runtime/config/option_fields.h"
#include "runtime/config/secrets.h"

namespace echostream {

namespace {

// What holds where nothing is given, from the options themselves.
template <class Config, class Options>
void fill_in(Config& message, Options options) {
  internal::copy(internal::Direction::kToOptions, message, options);
  internal::copy(internal::Direction::kToMessage, message, options);
}

void fill_in_all(config::Config& message) {
  fill_in(*message.mutable_node(), NodeOptions());
  if (!message.node().has_log_level()) {
    message.mutable_node()->set_log_level(config::NodeConfig::WARNING);
  }
  fill_in(*message.mutable_loop(), LoopOptions());
  if (message.has_http()) fill_in(*message.mutable_http(), HttpOptions());
  // With an id there can be no pool.
  if (!message.node().shared_clock().has_node_id()) {
    fill_in(*message.mutable_pool(), NodePoolOptions());
  }
  for (config::PeerConfig& peer : *message.mutable_peers()) {
    fill_in(*peer.mutable_reconnect(), ReconnectOptions());
    fill_in(*peer.mutable_connect(), ConnectOptions());
  }
  for (config::PluginConfig& plugin : *message.mutable_plugins()) {
    if (!plugin.has_required()) plugin.set_required(true);
  }
}

}  // namespace

std::string print_config(const Configuration& configuration, ConfigFormat format) {
  config::Config message = configuration.message();
  fill_in_all(message);
  internal::hide_secrets(message);
  std::string text;
  if (format == ConfigFormat::kText) {
    google::protobuf::TextFormat::PrintToString(message, &text);
    return text;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

}  // namespace echostream
