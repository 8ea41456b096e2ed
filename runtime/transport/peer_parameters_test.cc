#include "runtime/transport/peer_parameters.h"

#include <gtest/gtest.h>
#include <ngtcp2/ngtcp2.h>

#include <vector>

namespace echostream::transport {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Three parameters: of 1 byte, empty, and with an id of two bytes.
const Bytes kGood = {0x04, 1, 9, 0x0c, 0, 0x6a, 0xb2, 2, 7, 7};

TEST(PeerParameters, ThatComeOnceEachAreWellFormed) {
  EXPECT_TRUE(are_well_formed_parameters({}));
  EXPECT_TRUE(are_well_formed_parameters(kGood));
}

TEST(PeerParameters, T13_OneThatComesTwiceIsRefused) {
  Bytes twice = kGood;
  twice.push_back(0x0c);
  twice.push_back(0);
  EXPECT_FALSE(are_well_formed_parameters(twice));
  // Also when its id is written in another length.
  twice = kGood;
  for (const std::uint8_t byte : {0x40, 0x0c, 0}) twice.push_back(byte);
  EXPECT_FALSE(are_well_formed_parameters(twice));
}

TEST(PeerParameters, T13_CutAnywhereWithinOneAreRefused) {
  for (std::size_t size = 0; size < kGood.size(); ++size) {
    const bool is_between = size == 0 || size == 3 || size == 5;
    EXPECT_EQ(are_well_formed_parameters(BytesView(kGood).first(size)), is_between) << size;
  }
}

TEST(PeerParameters, T13_LengthBeyondTheEndIsRefused) {
  EXPECT_FALSE(are_well_formed_parameters(Bytes{4, 255, 255, 255, 255, 255, 255, 255, 255}));
}

TEST(PeerParameters, TheOneOfOurOwnIsFoundAmongOthers) {
  EXPECT_FALSE(has_parameter(kGood, kAdmissionParameter));
  EXPECT_TRUE(has_parameter(kGood, 0x0c));
  Bytes asking = kGood;
  asking.resize(kGood.size() + 5);
  EXPECT_EQ(append_admission_parameter(MutableBytes(asking).subspan(kGood.size())), 5u);
  EXPECT_TRUE(are_well_formed_parameters(asking));
  EXPECT_TRUE(has_parameter(asking, kAdmissionParameter));
  // Where the document says how it looks (docs/protocol.md 2.2).
  EXPECT_EQ(Bytes(asking.end() - 5, asking.end()), (Bytes{0xae, 0xc4, 0x05, 0x71, 0}));
}

TEST(PeerParameters, WithoutRoomOursIsLeftOut) {
  Bytes small(4);
  EXPECT_EQ(append_admission_parameter(small), 0u);
}

TEST(PeerParameters, AreAllTakenUnlessTheFilterSaysOtherwise) {
  EXPECT_EQ(OfferFilter().apply(kGood), kGood);
  OfferFilter filter;
  filter.keeps_quic_bit = true;
  EXPECT_EQ(filter.apply(kGood), (Bytes{0x04, 1, 9, 0x0c, 0}));
}

TEST(PeerParameters, LoseAPreferredAddressWhereATraceWouldNotHoldThem) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 61;
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.preferred_addr_present = 1;
  parameters.preferred_addr.cid.datalen = 20;
  parameters.preferred_addr.ipv4_present = 1;
  parameters.preferred_addr.ipv6_present = 1;
  parameters.preferred_addr.ipv4.sin_port = 1;  // all zero means none
  parameters.preferred_addr.ipv6.sin6_port = 1;
  parameters.stateless_reset_token_present = 1;
  parameters.original_dcid_present = 1;
  parameters.retry_scid_present = 1;
  parameters.retry_scid.datalen = 20;
  const auto encode = [&] {
    Bytes encoded(512);
    const auto size = ngtcp2_transport_params_encode(encoded.data(), encoded.size(), &parameters);
    encoded.resize(static_cast<std::size_t>(size));
    return encoded;
  };
  OfferFilter traced;
  traced.is_traced = true;
  const Bytes honest = encode();
  EXPECT_EQ(traced.apply(honest), honest);
  for (std::uint64_t* number :
       {&parameters.max_udp_payload_size, &parameters.active_connection_id_limit,
        &parameters.initial_max_data, &parameters.initial_max_stream_data_bidi_local,
        &parameters.initial_max_stream_data_bidi_remote, &parameters.initial_max_stream_data_uni,
        &parameters.max_datagram_frame_size}) {
    *number = kLarge;
  }
  const Bytes hostile = encode();
  EXPECT_EQ(traced.apply(hostile), without_parameter(hostile, 0x0d));
  EXPECT_LT(traced.apply(hostile).size(), hostile.size());
  EXPECT_EQ(OfferFilter().apply(hostile), hostile);
}

TEST(PeerParameters, LeaveOneOutAndKeepTheOthersAsTheyAre) {
  EXPECT_EQ(without_parameter(kGood, 0x2ab2), (Bytes{0x04, 1, 9, 0x0c, 0}));
  EXPECT_EQ(without_parameter(kGood, 0x04), (Bytes{0x0c, 0, 0x6a, 0xb2, 2, 7, 7}));
  EXPECT_EQ(without_parameter(kGood, 0x55), kGood);
  EXPECT_EQ(without_parameter({}, 0x55), Bytes());
}

}  // namespace
}  // namespace echostream::transport
