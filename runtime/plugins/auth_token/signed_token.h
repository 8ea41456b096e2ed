// Tokens that are signed: JWT (RFC 7519) in the compact form of RFC 7515, with HS256 and nothing
// else, by the advice of RFC 8725.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/plugins/auth_token.h"

namespace echostream::auth_token {

inline constexpr std::size_t kMaxTokenBytes = 4096;
inline constexpr std::size_t kMaxSubjectBytes = 256;
inline constexpr std::size_t kMaxScopes = 64;

/// Only printable, so that it can be logged and compared: 1 to 256 bytes, no control characters.
bool is_good_name(std::string_view name);

/// What a good token proves, and when.
struct SignedToken {
  std::shared_ptr<const AuthenticatedPeer::Details> peer;
  WallTime not_before{};
  WallTime expires{};
};

/// What is asked of a token beside its signature.
struct TokenChecks {
  const std::vector<TokenKey>& keys;
  const std::string& audience;
  const std::string& issuer;
};

/// Everything but the time. The error is for the log alone: whoever shows a bad token is not told
/// what is wrong with it.
Result<SignedToken> verify_token(std::string_view token, const TokenChecks& checks);

/// When somebody else's token says that it expires, if it is a JWT and says so. Nothing is
/// verified.
std::optional<WallTime> expiry_of(std::string_view token);

/// Whether it is the token's time. As above.
Status check_time(const SignedToken& token, WallTime now, Duration leeway);

}  // namespace echostream::auth_token
