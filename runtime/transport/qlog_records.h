// What is wrong with the qlog that ngtcp2 1.11 writes, put right.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <string>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// Whether the record of these parameters fits the 1024 bytes that ngtcp2 has for it: it does not
/// look, and writes behind them (2048 since 1.23, which no parameters fill). Errs on the safe side.
bool fits_qlog(const ngtcp2_transport_params& parameters);
/// The same of a peer's. True when they cannot be decoded: then ngtcp2 writes no record of them.
bool fits_qlog(BytesView encoded_parameters);

/// A packet of nothing but padding is written behind the record of the packet before it, without a
/// beginning of its own. Makes its record, of a packet sent at `time_ms`; empty if `written` is as
/// it should be.
std::string repaired_qlog_record(BytesView written, std::uint64_t time_ms);

}  // namespace echostream::transport
