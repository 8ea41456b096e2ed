#include "runtime/config/validate.h"

#include <map>
#include <string>

#include "echostream/security.h"
#include "echostream/socket_address.h"

namespace echostream::internal {

namespace {

class Validation {
 public:
  Validation(const ConfigPlaces& places, Problems& problems)
      : places_(places), problems_(problems) {}

  void check(const config::Config& message) {
    check_node(message.node());
    for (int i = 0; i < message.listen_size(); ++i) {
      check_address("listen." + std::to_string(i), message.listen(i));
    }
    if (message.has_pool() && message.node().shared_clock().has_node_id()) {
      report("node.shared_clock.node_id",
             "the nodes of a pool cannot all have the same id; leave it out, and each gets one of "
             "its own");
    }
    std::map<std::string, int> names;
    for (int i = 0; i < message.peers_size(); ++i) {
      check_peer("peers." + std::to_string(i), message.peers(i));
      const std::string& name = message.peers(i).name();
      const auto [first, is_new] = names.emplace(name, i);
      if (!name.empty() && !is_new) {
        report(
            "peers." + std::to_string(i) + ".name",
            quoted(name) + " is the name of peers." + std::to_string(first->second) + " already");
      }
    }
    for (int i = 0; i < message.plugins_size(); ++i) {
      check_plugin("plugins." + std::to_string(i), message.plugins(i));
    }
  }

 private:
  void report(const std::string& path, const std::string& message) {
    places_.report(problems_, path, message);
  }

  void check_address(const std::string& path, const std::string& address) {
    const auto parsed = SocketAddress::parse(address);
    if (!parsed) report(path, std::string(parsed.error().message()));
  }

  void check_node(const config::NodeConfig& node) {
    if (node.has_identity()) check_identity("node.identity", node.identity());
    for (int i = 0; i < node.more_identities_size(); ++i) {
      check_identity("node.more_identities." + std::to_string(i), node.more_identities(i));
    }
    if (node.more_identities_size() > 0 && !node.has_identity()) {
      report("node.more_identities", "node.identity, which all others see, is missing");
    }
    if (node.has_trust()) check_trust("node.trust", node.trust());
    if (node.has_client_trust()) check_trust("node.client_trust", node.client_trust());
    if (node.client_trust().known_peers().has_first_use()) {
      report("node.client_trust.known_peers.first_use",
             "is for peers that are dialled; clients are let in only when they are in the list");
    }
    if (node.has_ticket_cache() && node.has_resumption() && !node.resumption()) {
      report("node.ticket_cache", "keeps tickets that are never used: node.resumption is false");
    }
    if (node.has_preferred_address()) {
      check_address("node.preferred_address", node.preferred_address());
    }
    const config::LimitsConfig& limits = node.limits();
    const Limits defaults;
    const auto low = limits.has_send_low_water_bytes() ? limits.send_low_water_bytes()
                                                       : defaults.send_low_water_bytes;
    const auto high = limits.has_send_high_water_bytes() ? limits.send_high_water_bytes()
                                                         : defaults.send_high_water_bytes;
    if (low > high) {
      const bool is_low = limits.has_send_low_water_bytes();
      report(is_low ? "node.limits.send_low_water_bytes" : "node.limits.send_high_water_bytes",
             "send_low_water_bytes (" + std::to_string(low) +
                 ") must not be above send_high_water_bytes (" + std::to_string(high) + ")");
    }
  }

  void check_identity(const std::string& path, const config::IdentityConfig& identity) {
    const bool has_files = identity.has_certificate_chain_file() || identity.has_private_key_file();
    if (has_files == identity.has_self_signed()) {
      return report(path, "give certificate_chain_file and private_key_file, or self_signed");
    }
    if (has_files && !identity.has_private_key_file()) {
      report(path, "private_key_file is missing; it may be the same file");
    }
    if (has_files && !identity.has_certificate_chain_file()) {
      report(path, "certificate_chain_file is missing; it may be the same file");
    }
  }

  void check_trust(const std::string& path, const config::TrustConfig& trust) {
    const int given = (trust.system() ? 1 : 0) + (trust.has_authorities_file() ? 1 : 0) +
                      (trust.fingerprints_size() > 0 ? 1 : 0) +
                      (trust.insecure_accept_any() ? 1 : 0) + (trust.has_known_peers() ? 1 : 0);
    if (given != 1) {
      report(path,
             "give one of system: true, authorities_file, fingerprints, known_peers and "
             "insecure_accept_any: true" +
                 std::string(given == 0 ? "" : ", not several"));
    }
    if (trust.has_known_peers() && trust.known_peers().file().empty()) {
      report(path + ".known_peers", "file is missing: where the peers are written down");
    }
    for (int i = 0; i < trust.fingerprints_size(); ++i) {
      const auto parsed = Fingerprint::parse(trust.fingerprints(i));
      if (!parsed) {
        report(path + ".fingerprints." + std::to_string(i), std::string(parsed.error().message()));
      }
    }
  }

  void check_peer(const std::string& path, const config::PeerConfig& peer) {
    if (peer.target().empty()) {
      report(path, "target is missing: whom to dial, as \"host:port\"");
    } else if (const auto parsed = parse_host_and_port(peer.target()); !parsed) {
      report(path + ".target", std::string(parsed.error().message()));
    }
    const ReconnectOptions defaults;
    const auto milliseconds = [](Duration time) { return time.count() / 1'000'000; };
    const config::ReconnectConfig& reconnect = peer.reconnect();
    const auto least = reconnect.has_initial_delay_ms() ? reconnect.initial_delay_ms()
                                                        : milliseconds(defaults.initial_delay);
    const auto most =
        reconnect.has_max_delay_ms() ? reconnect.max_delay_ms() : milliseconds(defaults.max_delay);
    if (least > most) {
      report(path + ".reconnect." +
                 (reconnect.has_initial_delay_ms() ? "initial_delay_ms" : "max_delay_ms"),
             "initial_delay_ms (" + std::to_string(least) + ") must not be above max_delay_ms (" +
                 std::to_string(most) + ")");
    }
    if (peer.connect().early_data() && peer.connect().has_resume() && !peer.connect().resume()) {
      report(path + ".connect.early_data", "needs resume, which is false");
    }
  }

  void check_plugin(const std::string& path, const config::PluginConfig& plugin) {
    if (plugin.settings_case() == config::PluginConfig::SETTINGS_NOT_SET) {
      std::vector<std::string> names;
      const auto* settings = config::PluginConfig::descriptor()->FindOneofByName("settings");
      names.reserve(static_cast<std::size_t>(settings->field_count()));
      for (int i = 0; i < settings->field_count(); ++i) names.push_back(settings->field(i)->name());
      report(path, "names no plugin; give one of " + joined(names));
    }
    if (plugin.has_load() && plugin.load().path().empty()) {
      report(path + ".load", "path is missing: that of the shared object");
    }
  }

  const ConfigPlaces& places_;
  Problems& problems_;
};

}  // namespace

void validate(const config::Config& message, const ConfigPlaces& places, Problems& problems) {
  Validation(places, problems).check(message);
}

}  // namespace echostream::internal
