#include "arguments/config_arguments.h"

namespace examples {

using echostream::Configuration;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

ConfigArguments::ConfigArguments(Arguments& flags) {
  flags.text("--config", "FILE", "the node's configuration, *.json or *.textproto [none]", path_);
  flags.texts("--set", "NAME=VALUE", "a setting over the file's, as node.idle_timeout_ms=5000",
              settings_);
}

Result<Configuration> ConfigArguments::read() const {
  auto overrides = echostream::ConfigOverrides::from_environment();
  overrides.settings = settings_;
  return echostream::read_config(path_, overrides);
}

std::vector<std::string> where_to_listen(const std::string& flag,
                                         const Configuration& configuration,
                                         const std::string& otherwise) {
  if (!flag.empty()) return {flag};
  const auto& listen = configuration.message().listen();
  if (listen.empty()) return {otherwise};
  return {listen.begin(), listen.end()};
}

echostream::config::PeerConfig whom_to_dial(const std::string& flag,
                                            const Configuration& configuration,
                                            const std::string& otherwise) {
  echostream::config::PeerConfig peer;
  if (configuration.message().peers_size() > 0) peer = configuration.message().peers(0);
  if (!flag.empty()) peer.set_target(flag);
  if (peer.target().empty()) peer.set_target(otherwise);
  return peer;
}

Status believe(const std::string& fingerprint, echostream::NodeOptions& options) {
  if (fingerprint.empty() && options.trust) return Status::ok();
  if (fingerprint.empty()) {
    return {StatusCode::kInvalidArgument,
            "whom to believe? Give --fingerprint HEX, or node.trust in --config"};
  }
  auto pinned = echostream::Fingerprint::parse(fingerprint);
  if (!pinned) return std::move(pinned).error().with_context("--fingerprint");
  options.trust = echostream::Trust::pinned({*pinned});
  return Status::ok();
}

}  // namespace examples
