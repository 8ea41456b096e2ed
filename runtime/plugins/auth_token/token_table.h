// Whose a token is: those of the configuration by their hashes, signed ones by their signatures,
// and the latest of these from memory.
#pragma once

#include <cstring>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/plugins/auth_token.h"

#include "runtime/plugins/auth_token/crypto.h"
#include "runtime/plugins/auth_token/signed_token.h"

namespace echostream::auth_token {

class TokenTable {
 public:
  using Peer = std::shared_ptr<const AuthenticatedPeer::Details>;

  /// Takes what the options say of tokens and keys, which were checked before.
  explicit TokenTable(const AuthTokenOptions& options);
  ~TokenTable();
  TokenTable(const TokenTable&) = delete;
  TokenTable& operator=(const TokenTable&) = delete;

  bool empty() const { return static_.empty() && keys_.empty(); }
  /// The error is for the log alone. Costs a SHA-256 of the token, and for a signed one that is not
  /// remembered its HMAC too.
  Result<Peer> find(std::string_view token, WallTime now);
  std::size_t remembered() const { return remembered_.size(); }

 private:
  // The table is filled with good tokens only, so nobody can choose what is in it. Digests are
  // compared in constant time all the same.
  struct HashOfDigest {
    std::size_t operator()(const Digest& digest) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  struct SameDigest {
    bool operator()(const Digest& a, const Digest& b) const noexcept {
      return equal_in_constant_time(a, b);
    }
  };
  struct Remembered {
    SignedToken token;
    std::list<Digest>::iterator age;
  };
  Result<Peer> find_signed(std::string_view token, const Digest& digest, WallTime now);
  void remember(const Digest& digest, SignedToken token);

  std::unordered_map<Digest, Peer, HashOfDigest, SameDigest> static_;
  std::vector<TokenKey> keys_;
  std::string audience_;
  std::string issuer_;
  Duration leeway_;
  std::size_t most_;
  std::unordered_map<Digest, Remembered, HashOfDigest, SameDigest> remembered_;
  std::list<Digest> by_age_;  // used last first
};

}  // namespace echostream::auth_token
