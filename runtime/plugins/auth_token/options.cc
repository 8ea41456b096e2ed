// What AuthTokenOptions and the values in it must be.
#include "runtime/plugins/auth_token/options.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/plugins/auth_token/crypto.h"
#include "runtime/plugins/auth_token/signed_token.h"

namespace echostream {
namespace {

using auth_token::is_good_name;
using auth_token::kMaxScopes;
using auth_token::kMaxTokenBytes;

constexpr std::size_t kMinStaticBytes = 16;
constexpr std::size_t kMinKeyBytes = 32;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxKeyIdBytes = 128;

Status wrong(std::string what) { return {StatusCode::kInvalidArgument, std::move(what)}; }

// RFC 6750 section 2.1: b64token.
bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

Result<StaticToken> with_peer(StaticToken token, std::string subject,
                              std::vector<std::string> scopes) {
  if (!is_good_name(subject)) {
    return wrong("the subject of a token must have 1 to 256 bytes, and no control characters");
  }
  if (scopes.size() > kMaxScopes || !std::all_of(scopes.begin(), scopes.end(), is_good_name)) {
    return wrong("a token has at most 64 scopes, of 1 to 256 bytes without control characters");
  }
  token.subject = std::move(subject);
  token.scopes = std::move(scopes);
  return token;
}

Status check_static_tokens(const std::vector<StaticToken>& tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string which = "static token " + std::to_string(i + 1);
    auto checked = with_peer(tokens[i], tokens[i].subject, tokens[i].scopes);
    if (!checked) return checked.error().with_context(which);
    if (tokens[i].digest == StaticToken::Digest{}) {
      return wrong(which + " has no hash; make it by StaticToken::of()");
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (tokens[other].digest == tokens[i].digest) {
        return wrong(which + " is the same as static token " + std::to_string(other + 1));
      }
    }
  }
  return {};
}

Status check_keys(const std::vector<TokenKey>& keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string which = "token key " + std::to_string(i + 1);
    if (keys[i].secret.size() < kMinKeyBytes || keys[i].secret.size() > kMaxKeyBytes) {
      return wrong(which + " has " + std::to_string(keys[i].secret.size()) +
                   " bytes; HS256 needs 32 to 1024 unpredictable ones (openssl rand -hex 32)");
    }
    if (keys[i].id.size() > kMaxKeyIdBytes) return wrong(which + ": an id has at most 128 bytes");
    for (std::size_t other = 0; other < i; ++other) {
      if (keys[other].id == keys[i].id) {
        return wrong(which + " has the id of token key " + std::to_string(other + 1) +
                     "; tokens say by it which key is theirs (\"kid\")");
      }
    }
  }
  return {};
}

Status check_numbers(const AuthTokenOptions& options) {
  using namespace std::chrono_literals;
  if (options.leeway < 0s || options.leeway > 5min) return wrong("leeway must be 0 to 5 minutes");
  if (options.remember_on_session < 0s || options.remember_on_session > 24h) {
    return wrong("remember_on_session must be 0 to 24 hours");
  }
  if (options.max_cached_tokens < 1 || options.max_cached_tokens > 1'000'000) {
    return wrong("max_cached_tokens must be 1 to 1000000");
  }
  if (options.refresh_before < 0s || options.refresh_before > 24h) {
    return wrong("refresh_before must be 0 to 24 hours");
  }
  if (options.fetch_timeout < 1ms || options.fetch_timeout > 10min) {
    return wrong("fetch_timeout must be 1 ms to 10 minutes");
  }
  if (options.send && options.send_to_unverified_peers && !options.send_to.empty()) {
    return wrong(
        "send_to and send_to_unverified_peers contradict each other: peers that nobody has "
        "verified have no names");
  }
  return {};
}

Task<Result<BearerToken>> give(std::string token) {
  BearerToken given(std::move(token));
  co_return given;
}

Task<Result<BearerToken>> give_file(std::string path) {
  Result<std::string> text = read_secret_file(path);
  if (!text) co_return std::move(text).error();
  BearerToken given(*std::move(text));
  given.expires = auth_token::expiry_of(given.token);
  co_return given;
}

}  // namespace

Status auth_token::check_options(const AuthTokenOptions& options) {
  Status checked = check_static_tokens(options.static_tokens);
  if (checked.is_ok()) checked = check_keys(options.keys);
  if (checked.is_ok()) checked = check_numbers(options);
  return checked;
}

Result<StaticToken> StaticToken::of(std::string_view token, std::string subject,
                                    std::vector<std::string> scopes) {
  if (token.size() < kMinStaticBytes || token.size() > kMaxTokenBytes ||
      !std::all_of(token.begin(), token.end(), is_token_character)) {
    return wrong("a token must have 16 to 4096 letters, digits or -._~+/= (openssl rand -hex 32)");
  }
  StaticToken made;
  made.digest = auth_token::sha256(as_bytes(token));
  return with_peer(std::move(made), std::move(subject), std::move(scopes));
}

Result<StaticToken> StaticToken::of_hash(std::string_view sha256_text, std::string subject,
                                         std::vector<std::string> scopes) {
  auto digest = Fingerprint::parse(sha256_text);
  if (!digest) return wrong("the SHA-256 of a token has 64 hexadecimal digits");
  StaticToken made;
  made.digest = digest->digest();
  return with_peer(std::move(made), std::move(subject), std::move(scopes));
}

TokenSource fixed_token(std::string token) {
  return [token = std::move(token)] { return give(token); };
}

TokenSource file_token(std::string path) {
  return [path = std::move(path)] { return give_file(path); };
}

}  // namespace echostream
