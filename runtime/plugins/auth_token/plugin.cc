// The plugin: puts its two layers into a node.
#include <utility>

#include "echostream/plugins/auth_token.h"

#include "runtime/plugins/auth_token/auth_rules.h"
#include "runtime/plugins/auth_token/caller_auth.h"
#include "runtime/plugins/auth_token/crypto.h"
#include "runtime/plugins/auth_token/options.h"
#include "runtime/plugins/auth_token/server_auth.h"

namespace echostream {

using namespace auth_token;

namespace {

// What make_auth_token_plugin() has read of the options.
struct Parts {
  AuthTokenOptions options;
  AuthRules rules;
  plugins::MethodPatterns send_for;
  std::vector<PeerName> send_to;
};

class AuthTokenPlugin final : public Plugin {
 public:
  explicit AuthTokenPlugin(Parts parts)
      : parts_(std::move(parts)), unmatched_(parts_.rules.patterns()) {}
  ~AuthTokenPlugin() override { forget_keys(); }

  std::string_view name() const override { return "auth_token"; }
  std::string_view version() const override { return "1"; }
  bool checks_sessions() const override { return false; }

  Task<Status> on_start(Node& node) override {
    const AuthTokenOptions& options = parts_.options;
    const auto log = std::make_shared<plugins::Warnings>(
        [&node](LogLevel level, std::string_view line) { node.log(level, line); });
    if (!options.static_tokens.empty() || !options.keys.empty() || !parts_.rules.empty()) {
      node.add_middleware(std::make_shared<ServerAuth>(node.loop(), options, parts_.rules, log));
    }
    if (options.send) {
      node.add_middleware(
          std::make_shared<CallerAuth>(node.loop(), options, parts_.send_for, parts_.send_to, log));
    }
    forget_keys();
    co_return Status();
  }
  Status on_service(Node&, const ServiceInfo& service) override {
    unmatched_.saw(service);
    return {};
  }
  // By now what a node serves is there, usually.
  void on_listening(Node& node, const SocketAddress&) override { warn_of_unmatched(node); }
  void on_session_open(Node& node, const Session&) override { warn_of_unmatched(node); }

 private:
  // They live on where they are used.
  void forget_keys() {
    for (TokenKey& key : parts_.options.keys) wipe(key.secret);
    parts_.options.keys.clear();
  }

  void warn_of_unmatched(Node& node) {
    for (const std::string& pattern : unmatched_.take()) {
      node.log(LogLevel::kWarning,
               "auth_token: a rule names '" + pattern + "', but no service here has such a method");
    }
  }

  Parts parts_;
  plugins::UnmatchedPatterns unmatched_;
};

}  // namespace

Result<std::shared_ptr<Plugin>> make_auth_token_plugin(AuthTokenOptions options) {
  Status checked = check_options(options);
  if (!checked.is_ok()) return checked;
  auto rules = AuthRules::make(options.rules);
  if (!rules) return std::move(rules).error();
  auto send_for = plugins::MethodPatterns::parse(options.send_for);
  if (!send_for) return send_for.error().with_context("send_for");
  auto send_to = parse_peer_names(options.send_to);
  if (!send_to) return send_to.error().with_context("send_to");
  return std::shared_ptr<Plugin>(std::make_shared<AuthTokenPlugin>(
      Parts{std::move(options), *std::move(rules), *std::move(send_for), *std::move(send_to)}));
}

}  // namespace echostream
