#include "runtime/transport/qlog_records.h"

#include <algorithm>
#include <string_view>

namespace echostream::transport {
namespace {

// Of the record: with values as long as they get, or without them where they are counted below.
constexpr std::string_view kAlways =
    "\x1e{\"time\":00000000000000000000,\"name\":\"transport:parameters_set\",\"data\":{"
    "\"owner\":\"remote\",\"initial_source_connection_id\":"
    "\"0000000000000000000000000000000000000000\",\"disable_active_migration\":false,"
    "\"max_idle_timeout\":,\"max_udp_payload_size\":,\"ack_delay_exponent\":,\"max_ack_delay\":,"
    "\"active_connection_id_limit\":,\"initial_max_data\":,"
    "\"initial_max_stream_data_bidi_local\":,\"initial_max_stream_data_bidi_remote\":,"
    "\"initial_max_stream_data_uni\":,\"initial_max_streams_bidi\":,\"initial_max_streams_uni\":,"
    "\"max_datagram_frame_size\":,\"grease_quic_bit\":false}}\n";
constexpr std::string_view kOriginalId = "\"original_destination_connection_id\":\"\",";
constexpr std::string_view kRetryId = "\"retry_source_connection_id\":\"\",";
constexpr std::string_view kToken =
    "\"stateless_reset_token\":{\"data\":\"00000000000000000000000000000000\"},";
constexpr std::string_view kPreferred =
    ",\"preferred_address\":{\"connection_id\":\"\","
    "\"stateless_reset_token\":{\"data\":\"00000000000000000000000000000000\"}}";
constexpr std::string_view kIpv4 = "\"ip_v4\":\"00000000\",\"port_v4\":00000,";
constexpr std::string_view kIpv6 =
    "\"ip_v6\":\"00000000000000000000000000000000\",\"port_v6\":00000,";

std::size_t digits(const ngtcp2_cid& id) { return 2 * id.datalen; }
std::size_t digits(std::uint64_t number) { return std::to_string(number).size(); }

}  // namespace

bool fits_qlog(const ngtcp2_transport_params& parameters) {
  constexpr std::size_t kRoom = 1024;
  std::size_t size = kAlways.size() + kOriginalId.size() + digits(parameters.original_dcid);
  if (parameters.retry_scid_present) size += kRetryId.size() + digits(parameters.retry_scid);
  if (parameters.stateless_reset_token_present) size += kToken.size();
  if (parameters.preferred_addr_present) {
    size += kPreferred.size() + digits(parameters.preferred_addr.cid);
    if (parameters.preferred_addr.ipv4_present) size += kIpv4.size();
    if (parameters.preferred_addr.ipv6_present) size += kIpv6.size();
  }
  // Durations are written in milliseconds, and so are shorter than counted.
  for (const std::uint64_t number :
       {parameters.max_idle_timeout, parameters.max_udp_payload_size, parameters.ack_delay_exponent,
        parameters.max_ack_delay, parameters.active_connection_id_limit,
        parameters.initial_max_data, parameters.initial_max_stream_data_bidi_local,
        parameters.initial_max_stream_data_bidi_remote, parameters.initial_max_stream_data_uni,
        parameters.initial_max_streams_bidi, parameters.initial_max_streams_uni,
        parameters.max_datagram_frame_size}) {
    size += digits(number);
  }
  return size <= kRoom;
}

bool fits_qlog(BytesView encoded_parameters) {
  ngtcp2_transport_params parameters;
  return ngtcp2_transport_params_decode(&parameters, encoded_parameters.data(),
                                        encoded_parameters.size()) != 0 ||
         fits_qlog(parameters);
}

std::string repaired_qlog_record(BytesView written, std::uint64_t time_ms) {
  if (written.empty()) return {};
  const auto last = written.end() - 1;
  const auto stray = std::find(written.begin(), last, '\n');
  if (stray == last) return {};
  // Several in a row lie behind each other; the last is new.
  const auto before =
      std::find(std::make_reverse_iterator(last), written.rend(), std::uint8_t{'\n'}).base();
  const BytesView rest(before, written.end());
  return "\x1e{\"time\":" + std::to_string(time_ms) +
         ",\"name\":\"transport:packet_sent\",\"data\":{\"frames\":[" + std::string(as_text(rest));
}

}  // namespace echostream::transport
