// Options of nodes, loops and sessions from a configuration, with the files that it names.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "echostream/config.h"
#include "echostream/known_peers.h"
#include "echostream/session_tickets.h"

#include "built_in_plugins.h"
#include "runtime/config/file.h"
#include "runtime/config/option_fields.h"
#include "runtime/config/places.h"

namespace echostream {

using internal::ConfigPlaces;
using internal::Direction;
using internal::Problems;

namespace {

constexpr std::size_t kSecretBytes = 32;

using LogFunction = std::function<void(LogLevel, std::string_view)>;

// As a node without such a function writes them.
void write_to_stderr(LogLevel level, std::string_view text) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  std::fprintf(stderr, "echostream: %s: %.*s\n", kNames[static_cast<int>(level)],
               static_cast<int>(text.size()), text.data());
}

class OptionsMaker {
 public:
  OptionsMaker(const Configuration& configuration, WallTime now)
      : configuration_(configuration),
        node_(configuration.message().node()),
        places_(configuration.places()),
        now_(now) {}

  NodeOptions make() {
    NodeOptions options;
    config::NodeConfig plain = node_;
    internal::copy(Direction::kToOptions, plain, options);
    if (node_.has_identity()) options.identity = identity("node.identity", node_.identity());
    for (int i = 0; i < node_.more_identities_size(); ++i) {
      auto more = identity("node.more_identities." + std::to_string(i), node_.more_identities(i));
      if (more) options.more_identities.push_back(*std::move(more));
    }
    if (node_.has_trust()) options.trust = trust("node.trust", node_.trust());
    if (node_.has_client_trust()) {
      options.client_trust = trust("node.client_trust", node_.client_trust());
    }
    if (node_.has_ticket_cache()) options.ticket_cache = ticket_cache();
    if (node_.has_static_secret_file()) options.static_secret = static_secret();
    if (node_.has_preferred_address()) {
      options.preferred_address =
          keep("node.preferred_address", SocketAddress::parse(node_.preferred_address()))
              .value_or(SocketAddress());
    }
    if (node_.has_log_level()) options.log = with_level(write_to_stderr);
    send_log_to_plugin(configuration_.message(), options);
    return options;
  }

  const Problems& problems() const { return problems_; }

 private:
  // The value, or nothing and a problem.
  template <class T>
  std::optional<T> keep(const std::string& path, Result<T> result) {
    if (result) return *std::move(result);
    places_.report(problems_, path, std::string(result.error().message()));
    return std::nullopt;
  }

  std::optional<Identity> identity(const std::string& path, const config::IdentityConfig& from) {
    if (!from.has_self_signed()) {
      return keep(path,
                  Identity::from_pem_files(from.certificate_chain_file(), from.private_key_file()));
    }
    const config::SelfSignedConfig& wish = from.self_signed();
    const std::string name = wish.has_name() ? wish.name() : "echostream";
    Duration validity = std::chrono::hours(24 * 365);
    if (wish.has_validity_ms()) validity = std::chrono::milliseconds(wish.validity_ms());
    return keep(path + ".self_signed", Identity::self_signed(name, now_, validity));
  }

  std::optional<Trust> trust(const std::string& path, const config::TrustConfig& from) {
    if (from.insecure_accept_any()) return Trust::insecure_accept_any();
    if (from.system()) return keep(path + ".system", Trust::system());
    if (from.has_authorities_file()) {
      return keep(path + ".authorities_file",
                  Trust::certificate_authorities_file(from.authorities_file()));
    }
    if (from.has_known_peers()) return known_peers(path + ".known_peers", from.known_peers());
    std::vector<Fingerprint> pinned;
    for (int i = 0; i < from.fingerprints_size(); ++i) {
      auto fingerprint = keep(path + ".fingerprints." + std::to_string(i),
                              Fingerprint::parse(from.fingerprints(i)));
      if (fingerprint) pinned.push_back(*fingerprint);
    }
    return Trust::pinned(std::move(pinned));
  }

  std::optional<Trust> known_peers(const std::string& path, const config::KnownPeersConfig& from) {
    auto peers = keep(path + ".file", make_file_known_peers(from.file()));
    if (!peers) return std::nullopt;
    const bool accepts = from.first_use() == config::KnownPeersConfig::ACCEPT;
    return Trust::known_peers(*std::move(peers), accepts ? FirstUse::kAccept : FirstUse::kRefuse);
  }

  std::shared_ptr<SessionTicketCache> ticket_cache() {
    const config::TicketCacheConfig& from = node_.ticket_cache();
    const std::size_t most = from.has_max_tickets() ? from.max_tickets() : 256;
    if (!from.has_file()) return make_memory_ticket_cache(most);
    return keep("node.ticket_cache.file", make_file_ticket_cache(from.file(), most))
        .value_or(nullptr);
  }

  std::optional<std::array<std::uint8_t, kSecretBytes>> static_secret() {
    const std::string path = "node.static_secret_file";
    auto content = keep(path, internal::read_secret_file(node_.static_secret_file(), 1024));
    if (!content) return std::nullopt;
    std::array<std::uint8_t, kSecretBytes> secret{};
    if (content->size() == kSecretBytes) {
      std::copy(content->begin(), content->end(), secret.begin());
      return secret;
    }
    while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) {
      content->pop_back();
    }
    // A fingerprint has the same form: 32 bytes, in hexadecimal.
    const auto parsed = Fingerprint::parse(*content);
    if (parsed) return parsed->digest();
    places_.report(problems_, path,
                   "the file must hold 32 bytes or 64 hexadecimal digits; 'openssl rand -hex 32' "
                   "makes some");
    return std::nullopt;
  }

  // Leaves out what is below log_level, where that is given.
  LogFunction with_level(LogFunction write) const {
    if (!node_.has_log_level()) return write;
    return [write = std::move(write), least = static_cast<int>(node_.log_level())](
               LogLevel level, std::string_view text) {
      if (static_cast<int>(level) >= least) write(level, text);
    };
  }

  // The node's own lines go where the plugin `logging` writes, when there is one.
  void send_log_to_plugin([[maybe_unused]] const config::Config& message,
                          [[maybe_unused]] NodeOptions& options) {
#ifdef ECHOSTREAM_HAS_LOGGING
    for (int i = 0; i < message.plugins_size(); ++i) {
      const config::PluginConfig& plugin = message.plugins(i);
      if (!plugin.has_logging()) continue;
      auto log = open_log(plugin.logging());
      if (log) {
        options.log = with_level(Log::sink_of(*std::move(log)));
      } else if (!plugin.has_required() || plugin.required()) {
        keep("plugins." + std::to_string(i) + ".logging", std::move(log));
      }
      return;
    }
#endif
  }

  const Configuration& configuration_;
  const config::NodeConfig& node_;
  const ConfigPlaces& places_;
  const WallTime now_;
  Problems problems_;
};

}  // namespace

Result<NodeOptions> node_options_from(const Configuration& configuration, WallTime now,
                                      std::vector<ConfigProblem>* problems) {
  OptionsMaker maker(configuration, now);
  NodeOptions options = maker.make();
  const Status status = maker.problems().status(problems);
  if (!status.is_ok()) return status;
  return options;
}

Result<NodePoolOptions> node_pool_options_from(const Configuration& configuration, WallTime now,
                                               std::vector<ConfigProblem>* problems) {
  auto node = node_options_from(configuration, now, problems);
  if (!node) return node.error();
  NodePoolOptions options;
  options.node = *std::move(node);
  options.loop = loop_options_from(configuration);
  config::PoolConfig pool = configuration.message().pool();
  internal::copy(Direction::kToOptions, pool, options);
  return options;
}

LoopOptions loop_options_from(const Configuration& configuration) {
  LoopOptions options;
  config::LoopConfig loop = configuration.message().loop();
  internal::copy(Direction::kToOptions, loop, options);
  return options;
}

std::optional<HttpOptions> http_options_from(const Configuration& configuration) {
  if (!configuration.message().has_http()) return std::nullopt;
  HttpOptions options;
  config::HttpConfig http = configuration.message().http();
  internal::copy(Direction::kToOptions, http, options);
  return options;
}

ReconnectOptions reconnect_options_from(const config::PeerConfig& peer) {
  ReconnectOptions options;
  config::ReconnectConfig reconnect = peer.reconnect();
  internal::copy(Direction::kToOptions, reconnect, options);
  return options;
}

ConnectOptions connect_options_from(const config::PeerConfig& peer) {
  ConnectOptions options;
  config::ConnectConfig connect = peer.connect();
  internal::copy(Direction::kToOptions, connect, options);
  return options;
}

}  // namespace echostream
