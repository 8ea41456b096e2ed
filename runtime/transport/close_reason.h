// Why a connection ended, in words: ngtcp2's error codes, QUIC's and TLS's are translated here and
// go no further up.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <string>
#include <string_view>

#include "runtime/transport/peer_check.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::transport {

/// The peer sent CONNECTION_CLOSE.
CloseInfo closed_by_peer(const ngtcp2_ccerr& error);
/// We found an error (an NGTCP2_ERR code of read_pkt, writev or handle_expiry).
CloseInfo closed_by_error(int error, std::uint8_t tls_alert, const PeerCheck& check, bool is_server,
                          bool was_open);
/// Our application closed it.
CloseInfo closed_by_us(std::uint64_t application_code, std::string_view reason);
/// The peer answered with a stateless reset.
CloseInfo closed_by_stateless_reset();

}  // namespace echostream::transport
