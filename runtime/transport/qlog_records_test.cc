#include "runtime/transport/qlog_records.h"

#include <gtest/gtest.h>

#include <array>

namespace echostream::transport {
namespace {

constexpr char kPacket[] =
    "\x1e{\"time\":7,\"name\":\"transport:packet_sent\",\"data\":{\"frames\":[{\"frame_type\":"
    "\"ping\"}],\"header\":{\"packet_type\":\"handshake\",\"packet_number\":1},\"raw\":{\"length\":"
    "709}}}\n";
constexpr char kPadding[] =
    "{\"frame_type\":\"padding\"}],\"header\":{\"packet_type\":\"initial\",\"packet_number\":2},"
    "\"raw\":{\"length\":480}}}\n";

TEST(QlogRecords, ThatAreWholeAreLeftAsTheyAre) {
  EXPECT_EQ(repaired_qlog_record(as_bytes(kPacket), 9), "");
  EXPECT_EQ(repaired_qlog_record({}, 9), "");
}

TEST(QlogRecords, OfPacketsOfPaddingGetABeginning) {
  const std::string whole =
      "\x1e{\"time\":9,\"name\":\"transport:packet_sent\",\"data\":{\"frames\":[" +
      std::string(kPadding);
  EXPECT_EQ(repaired_qlog_record(as_bytes(std::string(kPacket) + kPadding), 9), whole);
  // And not those of earlier ones again.
  EXPECT_EQ(repaired_qlog_record(as_bytes(std::string(kPacket) + kPadding + kPadding), 9), whole);
}

ngtcp2_transport_params of_a_server() {
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.original_dcid_present = 1;
  parameters.initial_scid_present = 1;
  parameters.retry_scid_present = 1;
  parameters.stateless_reset_token_present = 1;
  for (ngtcp2_cid* id :
       {&parameters.original_dcid, &parameters.initial_scid, &parameters.retry_scid}) {
    id->datalen = 20;
  }
  return parameters;
}

void offer_address(ngtcp2_transport_params& parameters) {
  parameters.preferred_addr_present = 1;
  parameters.preferred_addr.cid.datalen = 20;
  parameters.preferred_addr.ipv4_present = 1;
  parameters.preferred_addr.ipv6_present = 1;
}

void make_large(ngtcp2_transport_params& parameters) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 62) - 1;
  for (std::uint64_t* number :
       {&parameters.max_udp_payload_size, &parameters.active_connection_id_limit,
        &parameters.initial_max_data, &parameters.initial_max_stream_data_bidi_local,
        &parameters.initial_max_stream_data_bidi_remote, &parameters.initial_max_stream_data_uni,
        &parameters.max_datagram_frame_size}) {
    *number = kMost;
  }
  parameters.initial_max_streams_bidi = std::uint64_t{1} << 60;
  parameters.initial_max_streams_uni = std::uint64_t{1} << 60;
}

TEST(QlogRecords, OfAnyParametersWithoutAPreferredAddressFit) {
  ngtcp2_transport_params parameters = of_a_server();
  EXPECT_TRUE(fits_qlog(parameters));
  make_large(parameters);
  EXPECT_TRUE(fits_qlog(parameters));
}

TEST(QlogRecords, OfAHostileServersParametersDoNotFit) {
  ngtcp2_transport_params parameters = of_a_server();
  make_large(parameters);
  offer_address(parameters);
  EXPECT_FALSE(fits_qlog(parameters));
  std::array<std::uint8_t, 512> encoded;
  const auto size = ngtcp2_transport_params_encode(encoded.data(), encoded.size(), &parameters);
  ASSERT_GT(size, 0);
  EXPECT_FALSE(fits_qlog(BytesView(encoded).first(static_cast<std::size_t>(size))));
}

TEST(QlogRecords, OfAnHonestServersPreferredAddressBehindARetryFit) {
  ngtcp2_transport_params parameters = of_a_server();
  offer_address(parameters);
  parameters.preferred_addr.ipv4_present = 0;
  for (ngtcp2_cid* id :
       {&parameters.original_dcid, &parameters.retry_scid, &parameters.preferred_addr.cid}) {
    id->datalen = 16;
  }
  parameters.max_idle_timeout = 30 * NGTCP2_SECONDS;
  parameters.active_connection_id_limit = 8;
  parameters.initial_max_data = 8 << 20;
  parameters.initial_max_stream_data_bidi_local = 1 << 20;
  parameters.initial_max_stream_data_bidi_remote = 1 << 20;
  parameters.initial_max_stream_data_uni = 1 << 20;
  parameters.initial_max_streams_bidi = 1024;
  parameters.initial_max_streams_uni = 1024;
  parameters.max_datagram_frame_size = 65535;
  EXPECT_TRUE(fits_qlog(parameters));
}

}  // namespace
}  // namespace echostream::transport
