#include "runtime/plugins/auth_token/options.h"

#include <gmock/gmock.h>

namespace echostream {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::string refusal(AuthTokenOptions options) {
  const Status status = auth_token::check_options(options);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(AuthTokenOptions, AreGoodAsTheyAre) {
  EXPECT_TRUE(auth_token::check_options(AuthTokenOptions()).is_ok());
}

TEST(AuthTokenOptions, StaticTokensAreLongEnoughAndHaveAnOwner) {
  EXPECT_TRUE(StaticToken::of("0123456789abcdef", "camera"));
  for (const char* token : {"", "0123456789abcde", "0123456789 abcdef", "0123456789\nabcdef"}) {
    EXPECT_FALSE(StaticToken::of(token, "camera")) << token;
  }
  EXPECT_FALSE(StaticToken::of(std::string(4097, 'a'), "camera"));
  EXPECT_FALSE(StaticToken::of("0123456789abcdef", ""));
  EXPECT_FALSE(StaticToken::of("0123456789abcdef", "a\x1b[31m"));
  EXPECT_FALSE(StaticToken::of("0123456789abcdef", "camera", {""}));
  EXPECT_FALSE(StaticToken::of_hash("abc", "camera"));
}

TEST(AuthTokenOptions, ThatCannotBeMeantAreRefused) {
  AuthTokenOptions options;
  options.static_tokens.emplace_back().subject = "camera";
  EXPECT_THAT(refusal(options), HasSubstr("static token 1 has no hash"));
  const auto token = StaticToken::of("0123456789abcdef", "camera");
  options.static_tokens = {*token, *token};
  EXPECT_THAT(refusal(options), HasSubstr("static token 2 is the same as static token 1"));

  options = {};
  options.keys = {TokenKey("a", std::string(32, 'k')), TokenKey("a", std::string(32, 'n'))};
  EXPECT_THAT(refusal(options), HasSubstr("token key 2 has the id of token key 1"));
  options.keys = {TokenKey(std::string(129, 'a'), std::string(32, 'k'))};
  EXPECT_THAT(refusal(options), HasSubstr("at most 128 bytes"));
  options.keys = {TokenKey("", std::string(1025, 'k'))};
  EXPECT_THAT(refusal(options), HasSubstr("token key 1 has 1025 bytes"));

  options = {};
  options.leeway = 6min;
  EXPECT_THAT(refusal(options), HasSubstr("leeway must be 0 to 5 minutes"));
  options = {};
  options.remember_on_session = 25h;
  EXPECT_THAT(refusal(options), HasSubstr("remember_on_session must be 0 to 24 hours"));
  options = {};
  options.max_cached_tokens = 0;
  EXPECT_THAT(refusal(options), HasSubstr("max_cached_tokens must be 1 to 1000000"));
  options = {};
  options.refresh_before = -1s;
  EXPECT_THAT(refusal(options), HasSubstr("refresh_before"));
  options = {};
  options.fetch_timeout = 0s;
  EXPECT_THAT(refusal(options), HasSubstr("fetch_timeout"));
  options = {};
  options.send = fixed_token("abc");
  options.send_to = {"dns:robot-7.example"};
  options.send_to_unverified_peers = true;
  EXPECT_THAT(refusal(options), HasSubstr("contradict"));
}

TEST(AuthTokenOptions, C07_AKeyThatIsTooShortIsNotShown) {
  AuthTokenOptions options;
  options.keys.emplace_back("", "SeCrEt");
  EXPECT_THAT(refusal(options), HasSubstr("has 6 bytes; HS256 needs 32"));
  EXPECT_THAT(refusal(options), ::testing::Not(HasSubstr("SeCrEt")));
}

}  // namespace
}  // namespace echostream
