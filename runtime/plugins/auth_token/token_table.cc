#include "runtime/plugins/auth_token/token_table.h"

#include <utility>

namespace echostream::auth_token {

TokenTable::TokenTable(const AuthTokenOptions& options)
    : keys_(options.keys),
      audience_(options.audience),
      issuer_(options.issuer),
      leeway_(options.leeway),
      most_(options.max_cached_tokens) {
  for (const StaticToken& token : options.static_tokens) {
    auto peer = std::make_shared<AuthenticatedPeer::Details>();
    peer->subject = token.subject;
    peer->scopes = token.scopes;
    static_.emplace(token.digest, std::move(peer));
  }
}

TokenTable::~TokenTable() {
  for (TokenKey& key : keys_) wipe(key.secret);
}

Result<TokenTable::Peer> TokenTable::find(std::string_view token, WallTime now) {
  if (token.size() > kMaxTokenBytes) return Status(StatusCode::kUnauthenticated, "it is too long");
  const Digest digest = sha256(as_bytes(token));
  if (const auto found = static_.find(digest); found != static_.end()) return found->second;
  return find_signed(token, digest, now);
}

Result<TokenTable::Peer> TokenTable::find_signed(std::string_view token, const Digest& digest,
                                                 WallTime now) {
  if (keys_.empty()) return Status(StatusCode::kUnauthenticated, "nobody knows it");
  if (const auto found = remembered_.find(digest); found != remembered_.end()) {
    Status in_time = check_time(found->second.token, now, leeway_);
    if (!in_time.is_ok()) {
      by_age_.erase(found->second.age);
      remembered_.erase(found);
      return in_time;
    }
    by_age_.splice(by_age_.begin(), by_age_, found->second.age);
    return found->second.token.peer;
  }
  auto verified = verify_token(token, TokenChecks{keys_, audience_, issuer_});
  if (!verified) return std::move(verified).error();
  Status in_time = check_time(*verified, now, leeway_);
  if (!in_time.is_ok()) return in_time;
  Peer peer = verified->peer;
  remember(digest, *std::move(verified));
  return peer;
}

void TokenTable::remember(const Digest& digest, SignedToken token) {
  if (remembered_.size() >= most_) {
    remembered_.erase(by_age_.back());
    by_age_.pop_back();
  }
  by_age_.push_front(digest);
  remembered_.emplace(digest, Remembered{std::move(token), by_age_.begin()});
}

}  // namespace echostream::auth_token
