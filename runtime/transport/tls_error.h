// BoringSSL's error queue, read once and emptied, so that no error of one call is taken for
// another's.
#pragma once

#include <string>

namespace echostream::transport {

/// The reason of the oldest error in this thread's queue, in plain words ("bad object header");
/// "no reason given" when there is none. Empties the queue.
std::string take_tls_error();

}  // namespace echostream::transport
