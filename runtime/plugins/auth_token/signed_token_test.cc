#include "runtime/plugins/auth_token/signed_token.h"

#include <gmock/gmock.h>

#include "runtime/plugins/auth_token/base64url.h"
#include "runtime/plugins/auth_token/crypto.h"

namespace echostream::auth_token {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

const std::string kSecret(32, 'k');
constexpr const char* kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr const char* kPayload = R"({"sub":"ann","exp":2000000000})";

std::string signed_with(const std::string& secret, const std::string& header,
                        const std::string& payload) {
  std::string token = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload));
  return token + "." + to_base64url(hmac_sha256(as_bytes(secret), as_bytes(token)));
}

class SignedTokens : public ::testing::Test {
 protected:
  Result<SignedToken> verify(const std::string& token) {
    return verify_token(token, TokenChecks{keys_, audience_, issuer_});
  }
  Result<SignedToken> with(const std::string& header, const std::string& payload) {
    return verify(signed_with(kSecret, header, payload));
  }
  std::string refusal(const std::string& header, const std::string& payload) {
    const auto result = with(header, payload);
    EXPECT_FALSE(result) << header << payload;
    return result ? "" : std::string(result.error().message());
  }

  std::vector<TokenKey> keys_{TokenKey("", kSecret)};
  std::string audience_;
  std::string issuer_;
};

TEST_F(SignedTokens, ReadBackWhatSignTokenSays) {
  TokenClaims claims("ann \"the\" operator", WallTime(2'000'000'000s));
  claims.scopes = {"robot.move", "robot.see"};
  claims.audience = audience_ = "robot-7";
  claims.issuer = issuer_ = "https://id.example";
  claims.not_before = WallTime(1'000'000'000s);
  const TokenKey key("2026-a", std::string(64, 's'));
  keys_.push_back(key);
  const auto token = sign_token(key, claims);
  ASSERT_TRUE(token) << token.status();
  const auto read = verify(*token);
  ASSERT_TRUE(read) << read.status();
  EXPECT_EQ(read->peer->subject, claims.subject);
  EXPECT_THAT(read->peer->scopes, ElementsAre("robot.move", "robot.see"));
  EXPECT_EQ(read->peer->proof, AuthenticatedPeer::Proof::kSignedToken);
  EXPECT_EQ(read->peer->expires, claims.expires);
  EXPECT_EQ(read->not_before, *claims.not_before);
}

// RFC 7515 appendix A.1: its signature is right (it has no subject), another bit in it is not.
TEST_F(SignedTokens, AgreeWithTheExampleOfRfc7515) {
  keys_[0].secret = *from_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX";
  EXPECT_EQ(verify(token + "k").error().message(), "it does not say whose it is (\"sub\")");
  EXPECT_EQ(verify(token + "o").error().message(), "its signature is wrong");
}

TEST_F(SignedTokens, WithAnyBitChangedAreRefused) {
  const std::string token = signed_with(kSecret, kHeader, kPayload);
  ASSERT_TRUE(verify(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string spoilt = token;
      spoilt[i] = static_cast<char>(spoilt[i] ^ (1 << bit));
      EXPECT_FALSE(verify(spoilt)) << i << "/" << bit;
    }
  }
  for (std::size_t size = 0; size < token.size(); ++size)
    EXPECT_FALSE(verify(token.substr(0, size)));
  EXPECT_FALSE(verify(token + "A"));
  EXPECT_FALSE(verify(token + ".A"));
}

TEST_F(SignedTokens, OfAnyOtherAlgorithmAreRefused) {
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"HS512"})",
        R"({"alg":"RS256"})", R"({"alg":["HS256"]})", R"({"typ":"JWT"})", R"({"alg":null})",
        R"({"alg":"HS256","alg":"HS256"})"}) {
    refusal(header, kPayload);
  }
  // Without any signature.
  const std::string unsigned_token =
      to_base64url(as_bytes(R"({"alg":"none"})")) + "." + to_base64url(as_bytes(kPayload)) + ".";
  EXPECT_FALSE(verify(unsigned_token));
  EXPECT_THAT(refusal(R"({"alg":"HS256","crit":["b64"],"b64":false})", kPayload),
              HasSubstr("crit"));
  EXPECT_THAT(refusal(R"({"alg":"HS256","typ":"dpop+jwt"})", kPayload), HasSubstr("typ"));
}

TEST_F(SignedTokens, AreCheckedWithTheKeyTheyNameAndNoOther) {
  keys_ = {TokenKey("old", kSecret), TokenKey("new", std::string(32, 'n'))};
  EXPECT_TRUE(with(R"({"alg":"HS256","kid":"old"})", kPayload));
  EXPECT_EQ(refusal(R"({"alg":"HS256","kid":"new"})", kPayload), "its signature is wrong");
  EXPECT_THAT(refusal(R"({"alg":"HS256","kid":"gone"})", kPayload), HasSubstr("kid"));
  EXPECT_THAT(refusal(R"({"alg":"HS256"})", kPayload), HasSubstr("kid"));
  EXPECT_THAT(refusal(R"({"alg":"HS256","kid":7})", kPayload), HasSubstr("kid"));
}

TEST_F(SignedTokens, MustSayWhoseTheyAreAndWhenTheyExpire) {
  refusal(kHeader, R"({"exp":2000000000})");
  refusal(kHeader, R"({"sub":"","exp":2000000000})");
  refusal(kHeader, R"({"sub":"a\nb","exp":2000000000})");
  refusal(kHeader, R"({"sub":7,"exp":2000000000})");
  refusal(kHeader, R"({"sub":")" + std::string(257, 'a') + R"(","exp":2000000000})");
  refusal(kHeader, R"({"sub":"ann"})");
  for (const char* expiry :
       {"-1", "\"2000000000\"", "1e300", "99999999999999999999", "null", "[]"}) {
    refusal(kHeader, std::string(R"({"sub":"ann","exp":)") + expiry + "}");
    refusal(kHeader, std::string(R"({"sub":"ann","exp":2000000000,"nbf":)") + expiry + "}");
  }
  EXPECT_TRUE(with(kHeader, R"({"sub":"ann","exp":2000000000.75})"));
}

TEST_F(SignedTokens, AreForTheirAudienceAndOfTheirIssuerOnly) {
  const std::string ours = R"({"sub":"a","exp":2000000000,"aud":"robot-7","iss":"id"})";
  const std::string of_two = R"({"sub":"a","exp":2000000000,"aud":["x","robot-7"],"iss":"id"})";
  EXPECT_THAT(refusal(kHeader, ours), HasSubstr("aud")) << "we have no name: it is not for us";
  audience_ = "robot-7";
  EXPECT_TRUE(with(kHeader, ours));
  EXPECT_TRUE(with(kHeader, of_two));
  EXPECT_THAT(refusal(kHeader, kPayload), HasSubstr("aud"));
  for (const char* other : {"\"robot-8\"", "[]", "[\"robot\"]", "7", "[\"robot-7\",7]"}) {
    refusal(kHeader, std::string(R"({"sub":"a","exp":2000000000,"aud":)") + other + "}");
  }
  issuer_ = "id";
  EXPECT_TRUE(with(kHeader, ours));
  issuer_ = "other";
  EXPECT_THAT(refusal(kHeader, ours), HasSubstr("iss"));
}

TEST_F(SignedTokens, HaveScopesAsOneTextOrAsAList) {
  const auto scopes = [&](const std::string& value) {
    const auto token = with(kHeader, R"({"sub":"a","exp":2000000000,"scope":)" + value + "}");
    return token ? token->peer->scopes : std::vector<std::string>{"refused"};
  };
  EXPECT_THAT(scopes(R"("a  b ")"), ElementsAre("a", "b"));
  EXPECT_THAT(scopes(R"(["a","b"])"), ElementsAre("a", "b"));
  EXPECT_TRUE(scopes(R"("")").empty());
  EXPECT_THAT(scopes("7"), ElementsAre("refused"));
  EXPECT_THAT(scopes(R"(["a",7])"), ElementsAre("refused"));
  std::string many = "\"s";
  for (int i = 0; i < 64; ++i) many += " s";
  EXPECT_THAT(scopes(many + "\""), ElementsAre("refused"));
}

TEST_F(SignedTokens, AreGoodFromTheirFirstSecondToTheirLastWithinTheLeeway) {
  SignedToken token;
  token.not_before = WallTime(1000s);
  token.expires = WallTime(2000s);
  EXPECT_FALSE(check_time(token, WallTime(1000s) - 1ns, 0s).is_ok());
  EXPECT_TRUE(check_time(token, WallTime(1000s), 0s).is_ok());
  EXPECT_TRUE(check_time(token, WallTime(2000s) - 1ns, 0s).is_ok());
  EXPECT_FALSE(check_time(token, WallTime(2000s), 0s).is_ok());
  EXPECT_TRUE(check_time(token, WallTime(970s), 30s).is_ok());
  EXPECT_FALSE(check_time(token, WallTime(970s) - 1ns, 30s).is_ok());
  EXPECT_TRUE(check_time(token, WallTime(2030s) - 1ns, 30s).is_ok());
  EXPECT_FALSE(check_time(token, WallTime(2030s), 30s).is_ok());
  token.expires = WallTime(9'000'000'000s);
  EXPECT_TRUE(check_time(token, WallTime(2000s), 5min).is_ok()) << "the latest there is";
}

TEST_F(SignedTokens, OfOthersSayWhenTheyExpire) {
  EXPECT_EQ(expiry_of(signed_with("any", R"({"alg":"ES256"})", kPayload)),
            WallTime(2'000'000'000s));
  EXPECT_EQ(expiry_of(signed_with("any", kHeader, R"({"sub":"ann"})")), std::nullopt);
  for (const char* text : {"", ".", "..", "a.b", "a.b.c", "opaque"}) {
    EXPECT_EQ(expiry_of(text), std::nullopt) << text;
  }
}

TEST_F(SignedTokens, C07_RefusalsNeverShowAnythingOfTheTokenOrTheKey) {
  const std::string hidden = "SeCrEtSeCrEtSeCrEtSeCrEtSeCrEtSe";
  keys_[0].secret = hidden;
  const std::string header = R"({"alg":"SeCrEt","kid":"SeCrEt"})";
  for (const std::string& token :
       {signed_with(hidden, header, kPayload), signed_with(hidden, kHeader, R"({"sub":"SeCrEt"})"),
        signed_with(kSecret, kHeader, kPayload), std::string("SeCrEt"),
        std::string("SeCrEt.SeCrEt.SeCrEt")}) {
    const auto result = verify(token);
    ASSERT_FALSE(result);
    EXPECT_THAT(std::string(result.error().message()), Not(HasSubstr("SeCrEt")));
  }
}

TEST_F(SignedTokens, ThatWouldBeRefusedAreNotSigned) {
  const TokenKey key("", kSecret);
  const WallTime until(2'000'000'000s);
  EXPECT_FALSE(sign_token(TokenKey("", "short"), TokenClaims("ann", until)));
  EXPECT_FALSE(sign_token(key, TokenClaims("", until)));
  EXPECT_FALSE(sign_token(key, TokenClaims("ann", WallTime{})));
  TokenClaims spaced("ann", until);
  spaced.scopes = {"two words"};
  EXPECT_FALSE(sign_token(key, spaced));
  TokenClaims large("ann", until);
  large.audience = std::string(4000, 'a');
  EXPECT_FALSE(sign_token(key, large));
}

}  // namespace
}  // namespace echostream::auth_token
