// Whom a bucket is for, as the bytes that it is found by.
#pragma once

#include <string>

#include "echostream/socket_address.h"

namespace echostream::rate_limit {

/// The same for all addresses that one customer of a provider can send from: an IPv4 address, an
/// IPv6 network of 64 bits. Neighbours on one link (fe80::/10), which share these bits, and the
/// loopback address count each for itself.
std::string key_of_address(const SocketAddress& address);

}  // namespace echostream::rate_limit
