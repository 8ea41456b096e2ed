#include "runtime/plugins/auth_token/token_table.h"

#include <gmock/gmock.h>

namespace echostream::auth_token {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow(1'800'000'000s);
const std::string kSecret(32, 'k');

std::string signed_for(const std::string& subject, WallTime until = kNow + 1h) {
  auto token = sign_token(TokenKey("", kSecret), TokenClaims(subject, until));
  EXPECT_TRUE(token) << token.status();
  return *token;
}

AuthTokenOptions with_key(std::size_t most = 1024) {
  AuthTokenOptions options;
  options.keys.emplace_back("", kSecret);
  options.max_cached_tokens = most;
  return options;
}

TEST(TokenTable, KnowsStaticTokensByTheirHashesOnly) {
  AuthTokenOptions options;
  options.static_tokens.push_back(*StaticToken::of("0123456789abcdef", "camera", {"see"}));
  // printf %s fedcba9876543210 | sha256sum
  options.static_tokens.push_back(*StaticToken::of_hash(
      "3465f6e6975baa864ca957f0914ecda9bf7eb601ac31ac20a5dc3d329279a843", "other"));
  TokenTable table(options);
  const auto camera = table.find("0123456789abcdef", kNow);
  ASSERT_TRUE(camera) << camera.status();
  EXPECT_EQ((*camera)->subject, "camera");
  EXPECT_EQ((*camera)->proof, AuthenticatedPeer::Proof::kStaticToken);
  EXPECT_FALSE((*camera)->expires);
  EXPECT_EQ((*table.find("fedcba9876543210", kNow))->subject, "other");
  EXPECT_FALSE(table.find("0123456789abcdeg", kNow));
  EXPECT_FALSE(table.find("", kNow));
}

TEST(TokenTable, TheHashOfATokenIsItsSha256) {
  // printf %s 0123456789abcdef | sha256sum
  const auto by_hash = StaticToken::of_hash(
      "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f", "camera");
  ASSERT_TRUE(by_hash) << by_hash.status();
  EXPECT_EQ(by_hash->digest, StaticToken::of("0123456789abcdef", "camera")->digest);
}

TEST(TokenTable, RemembersGoodTokensAndTheirTimes) {
  TokenTable table(with_key());
  const std::string token = signed_for("ann");
  const auto first = table.find(token, kNow);
  const auto second = table.find(token, kNow + 30min);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->get(), second->get()) << "verified once";
  EXPECT_EQ(table.remembered(), 1u);
  EXPECT_TRUE(table.find(token, kNow + 1h + 29s));
  EXPECT_FALSE(table.find(token, kNow + 1h + 30s)) << "remembered, but expired";
  EXPECT_EQ(table.remembered(), 0u);
  EXPECT_FALSE(table.find(token, kNow + 1h + 30s));
  EXPECT_EQ(table.remembered(), 0u) << "expired ones are not remembered";
}

TEST(TokenTable, RemembersTheLatestOnly) {
  TokenTable table(with_key(3));
  const auto peer_of = [&](const std::string& token) { return table.find(token, kNow)->get(); };
  const std::string a = signed_for("a"), b = signed_for("b"), c = signed_for("c");
  const auto* first_a = peer_of(a);
  const auto* first_b = peer_of(b);
  peer_of(c);
  EXPECT_EQ(peer_of(a), first_a);
  auto kept_b = *table.find(b, kNow);  // so that no other gets its address
  peer_of(a);
  peer_of(c);
  peer_of(signed_for("d"));
  EXPECT_EQ(table.remembered(), 3u);
  EXPECT_EQ(peer_of(a), first_a);
  EXPECT_NE(peer_of(b), first_b) << "the one used longest ago was forgotten";
  for (int i = 0; i < 1000; ++i) peer_of(signed_for(std::to_string(i)));
  EXPECT_EQ(table.remembered(), 3u);
}

TEST(TokenTable, BadTokensTakeNoPlace) {
  TokenTable table(with_key());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(table.find("bad" + std::to_string(i), kNow));
    EXPECT_FALSE(table.find(signed_for("ann") + std::to_string(i), kNow));
  }
  EXPECT_FALSE(table.find(std::string(100'000, 'a'), kNow));
  EXPECT_EQ(table.remembered(), 0u);
}

}  // namespace
}  // namespace echostream::auth_token
