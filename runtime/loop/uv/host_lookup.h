// Names to addresses, on libuv's thread pool. Destroying a lookup keeps it from calling back; the
// system's own work may go on for a while.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "echostream/loop.h"

namespace echostream::internal {

/// Implements Loop::resolve(). `executor` runs on `uv`.
std::unique_ptr<Pending> look_up(uv_loop_t& uv, Executor& executor, const std::string& host,
                                 std::uint16_t port, Loop::ResolveCallback callback);

/// Without duplicates, and the families by turns, IPv6 first (RFC 8305 section 4): when one family
/// does not work, the second attempt is with the other.
std::vector<SocketAddress> interleave_families(const std::vector<SocketAddress>& addresses);

/// What an error of uv_getaddrinfo means to who asked for `host`.
Status lookup_error(const std::string& host, int error);

}  // namespace echostream::internal
