#include "runtime/transport/peer_parameters.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace echostream::transport
