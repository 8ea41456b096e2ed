#include "runtime/plugins/auth_token/signed_token.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "runtime/plugins/auth_token/base64url.h"
#include "runtime/plugins/auth_token/crypto.h"
#include "runtime/plugins/auth_token/json_object.h"

namespace echostream::auth_token {
namespace {

using Kind = JsonObject::Kind;
using Member = JsonObject::Member;

// Nanoseconds since 1970 fit an int64 until 2262.
constexpr double kMaxSeconds = 9'000'000'000;

Status bad(const char* why) { return {StatusCode::kUnauthenticated, why}; }

bool is_no_text(const Member* member) { return member != nullptr && member->kind != Kind::kString; }

Result<WallTime> time_of(const Member& member) {
  if (member.kind != Kind::kNumber || !(member.number >= 0) || member.number > kMaxSeconds) {
    return bad("it has a time that is none");
  }
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(std::floor(member.number))));
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// RFC 7515 section 4. Nothing in a header chooses anything but which of our keys to try.
Result<const TokenKey*> key_of(std::string_view header_text, const std::vector<TokenKey>& keys) {
  const auto decoded = from_base64url(header_text);
  const auto header = decoded ? JsonObject::parse(*decoded) : std::nullopt;
  if (!header) return bad("its header is no JSON object in base64url");
  const Member* algorithm = header->find("alg");
  if (algorithm == nullptr || algorithm->kind != Kind::kString || algorithm->text != "HS256") {
    return bad("its algorithm is not HS256");
  }
  if (header->find("crit") != nullptr) return bad("it asks for extensions (\"crit\")");
  const Member* type = header->find("typ");
  if (is_no_text(type) || (type != nullptr && !equals_ignoring_case(type->text, "JWT") &&
                           !equals_ignoring_case(type->text, "at+jwt"))) {
    return bad("it is of another type (\"typ\")");
  }
  const Member* id = header->find("kid");
  if (is_no_text(id)) return bad("its key id (\"kid\") is no text");
  const std::string_view wanted = id != nullptr ? std::string_view(id->text) : std::string_view();
  for (const TokenKey& key : keys) {
    if (key.id == wanted) return &key;
  }
  return bad("it is signed with a key that is not known here (\"kid\")");
}

Status check_audience(const Member* claim, const std::string& audience) {
  if (claim == nullptr) {
    return audience.empty() ? Status() : bad("it does not say for whom it is (\"aud\")");
  }
  bool is_ours = false;
  if (claim->kind == Kind::kString) is_ours = claim->text == audience;
  if (claim->kind == Kind::kStrings) {
    is_ours = std::find(claim->texts.begin(), claim->texts.end(), audience) != claim->texts.end();
  }
  return is_ours && !audience.empty() ? Status() : bad("it is for somebody else (\"aud\")");
}

// RFC 8693 section 4.2: one text with spaces; many issuers write a list.
Result<std::vector<std::string>> scopes_of(const Member* claim) {
  std::vector<std::string> scopes;
  if (claim == nullptr) return scopes;
  if (claim->kind == Kind::kStrings) {
    scopes = claim->texts;
  } else if (claim->kind == Kind::kString) {
    std::string_view rest = claim->text;
    while (!rest.empty() && scopes.size() <= kMaxScopes) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) scopes.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  } else {
    return bad("its scopes are no texts (\"scope\")");
  }
  const bool are_good =
      scopes.size() <= kMaxScopes && std::all_of(scopes.begin(), scopes.end(), is_good_name);
  if (!are_good) return bad("it has too many scopes, or one that is no name (\"scope\")");
  return scopes;
}

Result<SignedToken> read_claims(std::string_view payload_text, const TokenChecks& checks) {
  const auto decoded = from_base64url(payload_text);
  const auto claims = decoded ? JsonObject::parse(*decoded) : std::nullopt;
  if (!claims) return bad("its claims are no JSON object in base64url");
  const Member* subject = claims->find("sub");
  if (subject == nullptr || subject->kind != Kind::kString || !is_good_name(subject->text)) {
    return bad("it does not say whose it is (\"sub\")");
  }
  const Member* issuer = claims->find("iss");
  if (is_no_text(issuer) ||
      (!checks.issuer.empty() && (issuer == nullptr || issuer->text != checks.issuer))) {
    return bad("it is of another issuer (\"iss\")");
  }
  Status audience = check_audience(claims->find("aud"), checks.audience);
  if (!audience.is_ok()) return audience;
  const Member* expires = claims->find("exp");
  if (expires == nullptr) return bad("it never expires (\"exp\")");
  auto until = time_of(*expires);
  if (!until) return std::move(until).error();
  SignedToken token;
  token.expires = *until;
  if (const Member* from = claims->find("nbf")) {
    auto since = time_of(*from);
    if (!since) return std::move(since).error();
    token.not_before = *since;
  }
  auto scopes = scopes_of(claims->find("scope"));
  if (!scopes) return std::move(scopes).error();
  auto peer = std::make_shared<AuthenticatedPeer::Details>();
  peer->subject = subject->text;
  peer->scopes = *std::move(scopes);
  peer->proof = AuthenticatedPeer::Proof::kSignedToken;
  peer->expires = token.expires;
  token.peer = std::move(peer);
  return token;
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

bool is_good_name(std::string_view name) {
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  return !name.empty() && name.size() <= kMaxSubjectBytes &&
         std::none_of(name.begin(), name.end(), is_control);
}

Result<SignedToken> verify_token(std::string_view token, const TokenChecks& checks) {
  if (token.size() > kMaxTokenBytes) return bad("it is too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return bad("it has not three parts");
  }
  auto key = key_of(token.substr(0, first), checks.keys);
  if (!key) return std::move(key).error();
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature) return bad("its signature is no base64url");
  const Digest right = hmac_sha256(as_bytes((*key)->secret), as_bytes(token.substr(0, second)));
  if (!equal_in_constant_time(right, as_bytes(*signature))) return bad("its signature is wrong");
  return read_claims(token.substr(first + 1, second - first - 1), checks);
}

std::optional<WallTime> expiry_of(std::string_view token) {
  const std::size_t first = token.find('.');
  if (token.size() > kMaxTokenBytes || first == token.npos) return std::nullopt;
  const auto decoded = from_base64url(token.substr(first + 1, token.rfind('.') - first - 1));
  const auto claims = decoded ? JsonObject::parse(*decoded) : std::nullopt;
  const Member* expires = claims ? claims->find("exp") : nullptr;
  if (expires == nullptr) return std::nullopt;
  const auto time = time_of(*expires);
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

Status check_time(const SignedToken& token, WallTime now, Duration leeway) {
  if (now >= token.expires + leeway) return bad("it has expired");
  if (now < token.not_before - leeway) return bad("its time has not come yet (\"nbf\")");
  return {};
}

}  // namespace echostream::auth_token

namespace echostream {

namespace {
Status wrong(std::string what) { return {StatusCode::kInvalidArgument, std::move(what)}; }
}  // namespace

Result<std::string> sign_token(const TokenKey& key, const TokenClaims& claims) {
  using namespace auth_token;
  if (key.secret.size() < 32) return wrong("the key has less than 32 bytes");
  if (!is_good_name(claims.subject)) {
    return wrong("the subject must have 1 to 256 bytes, and no control characters");
  }
  if (claims.scopes.size() > kMaxScopes) return wrong("a token has at most 64 scopes");
  if (claims.expires <= WallTime{}) return wrong("a token must expire");
  std::string scopes;
  for (const std::string& scope : claims.scopes) {
    if (!is_good_name(scope) || scope.find(' ') != std::string::npos) {
      return wrong("a scope must have 1 to 256 bytes, and no spaces or control characters");
    }
    scopes += (scopes.empty() ? "" : " ") + scope;
  }
  std::string header = R"({"alg":"HS256","typ":"JWT")";
  if (!key.id.empty()) header += ",\"kid\":" + to_json_string(key.id);
  header += "}";
  std::string payload = "{\"sub\":" + to_json_string(claims.subject);
  if (!claims.issuer.empty()) payload += ",\"iss\":" + to_json_string(claims.issuer);
  if (!claims.audience.empty()) payload += ",\"aud\":" + to_json_string(claims.audience);
  if (!scopes.empty()) payload += ",\"scope\":" + to_json_string(scopes);
  if (claims.not_before) {
    payload += ",\"nbf\":" + std::to_string(seconds_of(*claims.not_before));
  }
  payload += ",\"exp\":" + std::to_string(seconds_of(claims.expires)) + "}";
  std::string token = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload));
  const Digest signature = hmac_sha256(as_bytes(key.secret), as_bytes(token));
  token += "." + to_base64url(signature);
  if (token.size() > kMaxTokenBytes) return wrong("the token would have more than 4096 bytes");
  return token;
}

}  // namespace echostream
