// The peer's transport parameters (RFC 9000 section 18), looked at before ngtcp2 reads them.
#pragma once

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// False when one is cut off or comes twice (section 7.4): TRANSPORT_PARAMETER_ERROR. ngtcp2 1.11
/// takes the last of several.
bool are_well_formed_parameters(BytesView encoded);

}  // namespace echostream::transport
