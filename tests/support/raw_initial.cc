#include "tests/support/raw_initial.h"

#include "runtime/transport/crypto/key_schedule.h"
#include "tests/support/quic_frames.h"
#include "tests/support/quic_packets.h"

namespace echostream::testing {

std::vector<std::uint8_t> RawInitial::seal() const {
  PacketForm form;
  form.type = PacketType::kInitial;
  form.destination_id = destination_id;
  form.source_id = source_id;
  form.token = token;
  form.number = packet_number;
  form.version = version;
  form.least_bytes = datagram_bytes;
  const auto secrets = transport::InitialSecrets::derive(destination_id.view());
  return seal_packet(PacketKey(transport::CipherSuite::initial(), secrets.client), form, frames);
}

std::vector<std::uint8_t> crypto_frame(std::uint64_t offset, BytesView data) {
  return Frames().crypto(offset, data).bytes();
}

}  // namespace echostream::testing
