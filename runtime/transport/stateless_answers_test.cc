#include "runtime/transport/stateless_answers.h"

#include <gtest/gtest.h>
#include <ngtcp2/ngtcp2.h>

#include <algorithm>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

ConnectionId id_of(std::string_view text) { return ConnectionId(as_bytes(text)); }

TEST(StatelessAnswers, VersionNegotiationEchoesTheIdsAndListsVersion1) {
  const auto packet = make_version_negotiation(as_bytes("theirs-12"), as_bytes("mine"), 0x55);
  ngtcp2_version_cid ids;
  ASSERT_EQ(ngtcp2_pkt_decode_version_cid(&ids, packet.data(), packet.size(), 16), 0);
  EXPECT_EQ(ids.version, 0u);
  EXPECT_EQ(as_text({ids.dcid, ids.dcidlen}), "mine");
  EXPECT_EQ(as_text({ids.scid, ids.scidlen}), "theirs-12");
  const std::array<std::uint8_t, 4> v1 = {0, 0, 0, 1};
  EXPECT_NE(std::search(packet.begin() + 7, packet.end(), v1.begin(), v1.end()), packet.end());
}

TEST(StatelessAnswers, VersionNegotiationTakesTheLongestIdsThatAPacketCanCarry) {
  const std::vector<std::uint8_t> longest(255, 0xab);
  EXPECT_EQ(make_version_negotiation(longest, longest, 0).size(), 1 + 4 + 2 * 256 + 8u);
}

TEST(StatelessAnswers, RetryCarriesTheNewIdAndTheToken) {
  const auto packet =
      make_retry(1, id_of("client"), id_of("retry-id"), id_of("original"), as_bytes("token"));
  // RFC 9000 section 17.2.5: flags, version, both ids with their lengths, token, tag.
  ASSERT_EQ(packet.size(), 1 + 4 + 1 + 6 + 1 + 8 + 5 + 16u);
  EXPECT_EQ(packet[0] & 0xf0, 0xf0);
  EXPECT_EQ(as_text(BytesView(packet).subspan(6, 6)), "client");
  EXPECT_EQ(as_text(BytesView(packet).subspan(13, 8)), "retry-id");
  EXPECT_EQ(as_text(BytesView(packet).subspan(21, 5)), "token");
}

TEST(StatelessAnswers, ResetIsSmallerThanWhatItAnswersAndEndsWithTheToken) {
  ResetToken token;
  token.fill(0xcd);
  const std::vector<std::uint8_t> random(64, 0x11);
  for (std::size_t answered = 43; answered <= 1500; ++answered) {
    const auto packet = make_stateless_reset(token, answered, random);
    ASSERT_FALSE(packet.empty()) << answered;
    ASSERT_LT(packet.size(), answered);
    EXPECT_GE(packet.size(), 21u);
    EXPECT_EQ(packet[0] & 0xc0, 0x40);
    EXPECT_TRUE(std::equal(token.begin(), token.end(), packet.end() - 16));
  }
}

TEST(StatelessAnswers, NothingSmallerThanAResetIsAnsweredWithOne) {
  const std::vector<std::uint8_t> random(64, 0x11);
  for (std::size_t answered = 0; answered < 43; ++answered) {
    EXPECT_TRUE(make_stateless_reset(ResetToken{}, answered, random).empty()) << answered;
  }
}

TEST(StatelessAnswers, RefusalIsAnInitialToTheClient) {
  const auto packet = make_refusal(1, id_of("client"), id_of("destination"), 2);
  ngtcp2_version_cid ids;
  ASSERT_EQ(ngtcp2_pkt_decode_version_cid(&ids, packet.data(), packet.size(), 16), 0);
  EXPECT_EQ(ids.version, 1u);
  EXPECT_EQ(as_text({ids.dcid, ids.dcidlen}), "client");
  EXPECT_LT(packet.size(), 100u);
}

}  // namespace
}  // namespace echostream::transport
