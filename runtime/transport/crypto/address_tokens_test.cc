#include "runtime/transport/crypto/address_tokens.h"

#include <gtest/gtest.h>

#include <array>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

const AddressTokens::Nonce kNonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const SocketAddress kClient = SocketAddress::ipv4({192, 0, 2, 1}, 5000);
const SocketAddress kOther = SocketAddress::ipv4({192, 0, 2, 2}, 5000);
constexpr WallTime kNow{Duration(1h)};

ConnectionId id_of(std::string_view text) { return ConnectionId(as_bytes(text)); }

class Tokens : public ::testing::Test {
 protected:
  static AddressTokens::Secret secret() {
    AddressTokens::Secret secret{};
    for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i);
    return secret;
  }
  AddressTokens tokens_{secret()};
  ConnectionId retry_id_ = id_of("retry-id");
  std::vector<std::uint8_t> retry_ =
      tokens_.make_retry_token(kNow, kClient, retry_id_, id_of("original"), kNonce);
};

TEST_F(Tokens, RetryTokenGivesTheOriginalIdBack) {
  EXPECT_TRUE(AddressTokens::is_retry_token(retry_));
  const auto original = tokens_.open_retry_token(kNow + 1s, retry_, kClient, retry_id_);
  ASSERT_TRUE(original);
  EXPECT_EQ(*original, id_of("original"));
}

TEST_F(Tokens, RetryTokenIsForOneAddressOnePortAndOneId) {
  EXPECT_FALSE(tokens_.open_retry_token(kNow, retry_, kOther, retry_id_));
  EXPECT_FALSE(tokens_.open_retry_token(kNow, retry_, kClient.with_port(5001), retry_id_));
  EXPECT_FALSE(tokens_.open_retry_token(kNow, retry_, kClient, id_of("another")));
}

TEST_F(Tokens, RetryTokenExpires) {
  EXPECT_TRUE(tokens_.open_retry_token(kNow + 9999ms, retry_, kClient, retry_id_));
  EXPECT_FALSE(tokens_.open_retry_token(kNow + 10s, retry_, kClient, retry_id_));
}

TEST_F(Tokens, OfAClockThatIsAFewSecondsAheadAreTaken) {
  EXPECT_TRUE(tokens_.open_retry_token(kNow - 9999ms, retry_, kClient, retry_id_));
  EXPECT_FALSE(tokens_.open_retry_token(kNow - 10s, retry_, kClient, retry_id_));
}

TEST_F(Tokens, OfOneStaticSecretAreTakenAndOfAnotherAreNot) {
  const std::array<std::uint8_t, 32> kept = {1, 2, 3};
  const std::array<std::uint8_t, 32> other = {1, 2, 4};
  const AddressTokens before(AddressTokens::derive_secret(kept));
  const AddressTokens after(AddressTokens::derive_secret(kept));
  const AddressTokens stranger(AddressTokens::derive_secret(other));
  const auto token = before.make_new_token(kNow, kClient, kNonce);
  EXPECT_TRUE(after.check_new_token(kNow + 1h, token, kClient));
  EXPECT_FALSE(stranger.check_new_token(kNow + 1h, token, kClient));
  EXPECT_EQ(after.reset_token(id_of("a")), before.reset_token(id_of("a")));
  EXPECT_NE(stranger.reset_token(id_of("a")), before.reset_token(id_of("a")));
}

TEST_F(Tokens, EveryChangedByteMakesItInvalid) {
  for (std::size_t i = 0; i < retry_.size(); ++i) {
    auto changed = retry_;
    changed[i] ^= 0x40;
    EXPECT_FALSE(tokens_.open_retry_token(kNow, changed, kClient, retry_id_)) << i;
  }
  for (std::size_t size = 0; size < retry_.size(); ++size) {
    EXPECT_FALSE(tokens_.open_retry_token(kNow, BytesView(retry_).first(size), kClient, retry_id_));
  }
}

TEST_F(Tokens, NewTokenHoldsForTheAddressWithAnyPort) {
  const auto token = tokens_.make_new_token(kNow, kClient, kNonce);
  EXPECT_FALSE(AddressTokens::is_retry_token(token));
  EXPECT_TRUE(tokens_.check_new_token(kNow + 1h, token, kClient.with_port(1)));
  EXPECT_FALSE(tokens_.check_new_token(kNow + 1h, token, kOther));
  EXPECT_FALSE(tokens_.check_new_token(kNow + 24h, token, kClient));
}

TEST_F(Tokens, OneKindIsNotTakenForTheOther) {
  auto token = tokens_.make_new_token(kNow, kClient, kNonce);
  token[0] = retry_[0];
  EXPECT_FALSE(tokens_.open_retry_token(kNow, token, kClient, retry_id_));
}

TEST_F(Tokens, ResetTokensDependOnIdAndSecret) {
  AddressTokens::Secret other_secret = secret();
  other_secret.back() ^= 1;
  EXPECT_EQ(tokens_.reset_token(id_of("a")), tokens_.reset_token(id_of("a")));
  EXPECT_NE(tokens_.reset_token(id_of("a")), tokens_.reset_token(id_of("b")));
  EXPECT_NE(tokens_.reset_token(id_of("a")), AddressTokens(other_secret).reset_token(id_of("a")));
}

}  // namespace
}  // namespace echostream::transport
