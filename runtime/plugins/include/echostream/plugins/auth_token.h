// The plugin auth_token: who may call what. docs/plugins/auth_token.md
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/plugin.h"
#include "echostream/plugins/authenticated_peer.h"

namespace echostream {

/// A token that is valid until the configuration changes. Only its SHA-256 is kept.
class StaticToken {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  StaticToken() {}
  /// INVALID_ARGUMENT for a token of less than 16 or more than 4096 bytes, or with characters that
  /// RFC 6750 does not allow, and for an empty subject.
  static Result<StaticToken> of(std::string_view token, std::string subject,
                                std::vector<std::string> scopes = {});
  /// The same when only the SHA-256 of the token is at hand, as 64 hexadecimal digits.
  static Result<StaticToken> of_hash(std::string_view sha256, std::string subject,
                                     std::vector<std::string> scopes = {});

  Digest digest{};
  std::string subject;
  std::vector<std::string> scopes;
};
static_assert(kSafeInAwait<StaticToken>);

/// A secret that signs tokens. Several with different ids may be good at once, so that keys can be
/// replaced: accept the new one everywhere, sign with it, and drop the old one when what it signed
/// has expired.
class TokenKey {
 public:
  TokenKey() {}
  TokenKey(std::string key_id, std::string key_secret)
      : id(std::move(key_id)), secret(std::move(key_secret)) {}

  /// The `kid` of the tokens that it signs; may be empty, for tokens without one. At most 128
  /// bytes.
  std::string id;
  /// 32 to 1024 bytes (RFC 7518 3.2), unpredictable.
  std::string secret;
};
static_assert(kSafeInAwait<TokenKey>);

/// What a signed token says.
class TokenClaims {
 public:
  TokenClaims() {}
  TokenClaims(std::string who, WallTime until) : subject(std::move(who)), expires(until) {}

  std::string subject;
  std::vector<std::string> scopes;
  /// Left out when empty.
  std::string audience;
  std::string issuer;
  std::optional<WallTime> not_before;
  /// Whole seconds count, rounded down.
  WallTime expires{};
};
static_assert(kSafeInAwait<TokenClaims>);

/// A token as AuthTokenOptions::keys takes it: a JWT (RFC 7519) signed with HS256. For whoever
/// gives tokens out; any JWT library can do it as well. INVALID_ARGUMENT for what would not be
/// accepted.
Result<std::string> sign_token(const TokenKey& key, const TokenClaims& claims);

/// Who may call some methods. Each way in that it names is enough by itself; one that names none
/// lets nobody in.
class AuthRule {
 public:
  AuthRule() {}
  explicit AuthRule(std::vector<std::string> which) : methods(std::move(which)) {}

  /// "acme.v1.Robot/Grip", "acme.v1.Robot/*", "acme.v1.*" or "*".
  std::vector<std::string> methods;
  /// Everybody, without a token.
  bool allow_anyone = false;
  /// Everybody who shows a token that is good.
  bool allow_any_token = false;
  /// Those whose token is of one of these subjects, or has one of these scopes.
  std::vector<std::string> allow_subjects;
  std::vector<std::string> allow_scopes;
  /// Those whose session has one of these client certificates (NodeOptions::client_trust):
  /// "sha256:<fingerprint>", or a name: "dns:robot-7.example", "uri:spiffe://example/robot/7",
  /// "ip:192.0.2.1", "email:...". Names count only in certificates that a CA vouches for.
  std::vector<std::string> allow_peers;
};
static_assert(kSafeInAwait<AuthRule>);

/// A token to show, and until when it is good.
class BearerToken {
 public:
  BearerToken() {}
  explicit BearerToken(std::string text, std::optional<WallTime> until = {})
      : token(std::move(text)), expires(until) {}
  std::string token;
  /// None: it does not expire.
  std::optional<WallTime> expires;
};
static_assert(kSafeInAwait<BearerToken>);

/// Gets a token, from wherever. Runs on the node's loop, once at a time, and may wait.
using TokenSource = std::function<Task<Result<BearerToken>>()>;
/// Always the same one.
TokenSource fixed_token(std::string token);
/// What read_secret_file() finds there, each time anew. If it is a JWT, its `exp` says when it
/// expires, and another one is read shortly before; any other is read again when a peer does not
/// take it.
TokenSource file_token(std::string path);

/// What a file holds without the newline at its end, when nobody but its owner may read it (mode
/// 0600 or less) and that is the user of this process, or root. 1 to 4096 bytes. NOT_FOUND,
/// PERMISSION_DENIED, INVALID_ARGUMENT; no error says what is in the file.
Result<std::string> read_secret_file(const std::string& path);
/// The value of an environment variable. NOT_FOUND when it is not set, or empty.
Result<std::string> read_secret_variable(const std::string& name);

class AuthTokenOptions {
 public:
  AuthTokenOptions() {}

  // What is asked of those who call this node. Nothing at all is when there are neither tokens,
  // keys nor rules.

  std::vector<StaticToken> static_tokens;
  std::vector<TokenKey> keys;
  /// Signed tokens must be meant for this one (`aud`). Empty: those that are meant for somebody are
  /// refused.
  std::string audience;
  /// Signed tokens must come from this one (`iss`). Empty: whoever has the key.
  std::string issuer;
  /// How far the clocks of those who sign tokens may be off; at most 5 minutes.
  Duration leeway = std::chrono::seconds(30);
  /// The first one that names the method decides; a method that none names is nobody's. No rules:
  /// every method needs a token that is good.
  std::vector<AuthRule> rules;
  /// Streams and subscriptions end with UNAUTHENTICATED when the token that opened them expires.
  bool end_streams_at_expiry = true;
  /// Signed tokens that were found good are remembered, the latest that many; 1 to 1,000,000.
  std::size_t max_cached_tokens = 1024;
  /// At both sides. A token that was shown once on a session stands for the rpcs after it that
  /// carry none, so long or until it expires, of methods that only a token opens; callers with this
  /// plugin then leave it out. They do so only when `send_for` is "*". 0: never; at most 24 hours.
  Duration remember_on_session = std::chrono::minutes(10);

  // What this node shows to those whom it calls.

  /// Unset: nothing. Calls that have `authorization` metadata of their own keep it.
  TokenSource send;
  /// For calls of these methods.
  std::vector<std::string> send_for = {"*"};
  /// Only to peers with one of these certificates; the form is that of AuthRule::allow_peers.
  /// Empty: to all that this node has verified.
  std::vector<std::string> send_to;
  /// Also to peers whose certificate nobody has verified, or that show none: anybody can then take
  /// the token and use it.
  bool send_to_unverified_peers = false;
  /// A new one is fetched that long before the old one expires.
  Duration refresh_before = std::chrono::seconds(30);
  /// Given up after that long.
  Duration fetch_timeout = std::chrono::seconds(10);
};
static_assert(kSafeInAwait<AuthTokenOptions>);

/// A plugin for one node. INVALID_ARGUMENT says which option is wrong. Why a token was refused goes
/// to the node's log, a few lines each second, and so do rules for methods that nobody serves.
Result<std::shared_ptr<Plugin>> make_auth_token_plugin(AuthTokenOptions options);

}  // namespace echostream
