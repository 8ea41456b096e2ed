// Tokens that somebody shows, and the JSON in them when whoever signs is careless. Input: one byte
// (bit 0: the rest is a token as it is; otherwise header and payload, one line each, are signed
// with a key that is accepted), then text. Nothing is accepted whose parts are not in their one
// form, or that never expires.
#include <string>
#include <string_view>

#include "runtime/plugins/auth_token/base64url.h"
#include "runtime/plugins/auth_token/crypto.h"
#include "runtime/plugins/auth_token/signed_token.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using namespace echostream::auth_token;
using echostream::testing::FuzzInput;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const bool is_raw = (input.byte() & 1) != 0;
  const std::string_view text = as_text(input.rest());
  const std::vector<TokenKey> keys{TokenKey("", std::string(32, 'k')),
                                   TokenKey("a", std::string(32, 'a'))};
  std::string token(text);
  if (!is_raw) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    token = to_base64url(as_bytes(text.substr(0, line))) + "." +
            to_base64url(as_bytes(text.substr(std::min(line + 1, text.size()))));
    token += "." + to_base64url(hmac_sha256(as_bytes(keys[0].secret), as_bytes(token)));
  }
  for (const std::string audience : {"", "us"}) {
    const auto verified = verify_token(token, TokenChecks{keys, audience, ""});
    if (!verified) {
      FUZZ_CHECK(verified.error().code() == StatusCode::kUnauthenticated);
      continue;
    }
    FUZZ_CHECK(token.size() <= kMaxTokenBytes);
    FUZZ_CHECK(is_good_name(verified->peer->subject));
    FUZZ_CHECK(verified->peer->scopes.size() <= kMaxScopes);
    FUZZ_CHECK(verified->peer->expires == verified->expires);
    FUZZ_CHECK(expiry_of(token) == verified->expires);
    FUZZ_CHECK(!check_time(*verified, WallTime::max(), Duration()).is_ok());
    // Another form of the same is another text, and not accepted.
    FUZZ_CHECK(!verify_token(token + "=", TokenChecks{keys, audience, ""}));
  }
  (void)expiry_of(text);
  if (const auto bytes = from_base64url(text)) FUZZ_CHECK(to_base64url(as_bytes(*bytes)) == text);
  return 0;
}
