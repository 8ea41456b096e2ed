// Initial packets by hand, as anybody on the network can make them: their keys follow from the
// connection id in plain sight (RFC 9001 section 5.2).
#pragma once

#include <cstdint>
#include <vector>

#include "echostream/base/bytes.h"

#include "runtime/transport/connection_id.h"

namespace echostream::testing {

struct RawInitial {
  transport::ConnectionId destination_id;
  transport::ConnectionId source_id;
  std::uint32_t version = 1;
  std::vector<std::uint8_t> token;
  std::uint32_t packet_number = 0;
  /// Encoded frames; PADDING is added until the datagram has `datagram_bytes`.
  std::vector<std::uint8_t> frames;
  std::size_t datagram_bytes = 1200;

  std::vector<std::uint8_t> seal() const;
};

/// A CRYPTO frame (RFC 9000 section 19.6).
std::vector<std::uint8_t> crypto_frame(std::uint64_t offset, BytesView data);

}  // namespace echostream::testing
