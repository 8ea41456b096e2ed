// The peer's transport parameters (RFC 9000 section 18), looked at before ngtcp2 reads them.
#pragma once

#include <cstdint>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// False when one is cut off or comes twice (section 7.4): TRANSPORT_PARAMETER_ERROR. ngtcp2 1.11
/// takes the last of several.
bool are_well_formed_parameters(BytesView encoded);

/// A transport parameter of our own, without a value (docs/protocol.md 2.2): the server's
/// application lets clients in, or not, after the handshake.
inline constexpr std::uint64_t kAdmissionParameter = 0x2ec40571;

/// Whether there is one with that id among well-formed ones.
bool has_parameter(BytesView encoded, std::uint64_t wanted);
/// One more parameter without a value; the bytes that were written, 0 when it does not fit.
std::size_t append_admission_parameter(MutableBytes out);

/// Offers of the peer that ngtcp2 is not to see: it has no other way not to take them.
struct OfferFilter {
  /// That it takes packets without the QUIC bit (RFC 9287): ours have it.
  bool keeps_quic_bit = false;
  /// ngtcp2 writes a trace. A preferred address is left out where its record would not fit.
  bool is_traced = false;
  /// Of well-formed parameters.
  std::vector<std::uint8_t> apply(BytesView encoded) const;
};

/// Well-formed parameters as if the peer had not sent that one.
std::vector<std::uint8_t> without_parameter(BytesView encoded, std::uint64_t id);

}  // namespace echostream::transport
