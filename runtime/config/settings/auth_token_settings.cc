#include "runtime/config/settings/auth_token_settings.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "echostream/plugins/auth_token.h"

namespace echostream {
namespace {

using config::AuthTokenSettings;

std::vector<std::string> to_vector(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// Milliseconds that would not fit are out of every range as well.
Duration milliseconds(std::int64_t count) {
  constexpr std::int64_t kMost = 1'000'000'000'000;
  return std::chrono::milliseconds(std::clamp(count, -kMost, kMost));
}

std::string element(const char* field, int index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

Result<StaticToken> read_static_token(const AuthTokenSettings::StaticToken& settings) {
  using Source = AuthTokenSettings::StaticToken;
  Result<std::string> token = Status(StatusCode::kInvalidArgument,
                                     "says nowhere where the token is; set one of token_file, "
                                     "token_variable and sha256");
  switch (settings.source_case()) {
    case Source::kSha256:
      return StaticToken::of_hash(settings.sha256(), settings.subject(),
                                  to_vector(settings.scopes()));
    case Source::kTokenFile:
      token = read_secret_file(settings.token_file());
      break;
    case Source::kTokenVariable:
      token = read_secret_variable(settings.token_variable());
      break;
    case Source::SOURCE_NOT_SET:
      break;
  }
  if (!token) return std::move(token).error();
  return StaticToken::of(*token, settings.subject(), to_vector(settings.scopes()));
}

Result<TokenKey> read_key(const AuthTokenSettings::Key& settings) {
  Result<std::string> secret =
      Status(StatusCode::kInvalidArgument,
             "says nowhere where the secret is; set secret_file or secret_variable");
  if (settings.has_secret_file()) secret = read_secret_file(settings.secret_file());
  if (settings.has_secret_variable()) secret = read_secret_variable(settings.secret_variable());
  if (!secret) return std::move(secret).error();
  return TokenKey(settings.id(), *std::move(secret));
}

AuthRule read_rule(const AuthTokenSettings::Rule& settings) {
  AuthRule rule(to_vector(settings.methods()));
  rule.allow_anyone = settings.allow().anyone();
  rule.allow_any_token = settings.allow().any_token();
  rule.allow_subjects = to_vector(settings.allow().subjects());
  rule.allow_scopes = to_vector(settings.allow().scopes());
  rule.allow_peers = to_vector(settings.allow().peer_identities());
  return rule;
}

Status read_send(const AuthTokenSettings::Send& settings, AuthTokenOptions& options) {
  if (settings.has_token_file()) {
    Result<std::string> token = read_secret_file(settings.token_file());
    if (!token) return std::move(token).error();
    options.send = file_token(settings.token_file());
  } else if (settings.has_token_variable()) {
    Result<std::string> token = read_secret_variable(settings.token_variable());
    if (!token) return std::move(token).error();
    options.send = fixed_token(*std::move(token));
  } else {
    return {StatusCode::kInvalidArgument,
            "says nowhere where the token is; set token_file or token_variable"};
  }
  if (settings.methods_size() > 0) options.send_for = to_vector(settings.methods());
  options.send_to = to_vector(settings.to());
  options.send_to_unverified_peers = settings.to_unverified_peers();
  if (settings.has_refresh_before_ms()) {
    options.refresh_before = milliseconds(settings.refresh_before_ms());
  }
  return {};
}

Status read_accepted(const AuthTokenSettings& settings, AuthTokenOptions& options) {
  for (int i = 0; i < settings.static_tokens_size(); ++i) {
    auto token = read_static_token(settings.static_tokens(i));
    if (!token) return token.error().with_context(element("static_tokens", i));
    options.static_tokens.push_back(*std::move(token));
  }
  for (int i = 0; i < settings.keys_size(); ++i) {
    auto key = read_key(settings.keys(i));
    if (!key) return key.error().with_context(element("keys", i));
    options.keys.push_back(*std::move(key));
  }
  for (const auto& rule : settings.rules()) options.rules.push_back(read_rule(rule));
  options.audience = settings.audience();
  options.issuer = settings.issuer();
  return {};
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::AuthTokenSettings& settings) {
  AuthTokenOptions options;
  Status status = read_accepted(settings, options);
  if (status.is_ok() && settings.has_send()) {
    status = read_send(settings.send(), options).with_context("send");
  }
  if (!status.is_ok()) return status.with_context("auth_token");
  if (settings.has_leeway_ms()) options.leeway = milliseconds(settings.leeway_ms());
  if (settings.has_remember_on_session_ms()) {
    options.remember_on_session = milliseconds(settings.remember_on_session_ms());
  }
  if (settings.has_end_streams_at_expiry()) {
    options.end_streams_at_expiry = settings.end_streams_at_expiry();
  }
  if (settings.has_max_cached_tokens()) options.max_cached_tokens = settings.max_cached_tokens();
  auto plugin = make_auth_token_plugin(std::move(options));
  if (!plugin) return plugin.error().with_context("auth_token");
  return plugin;
}

}  // namespace echostream
