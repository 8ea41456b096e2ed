// The Ice run time of both programs, set for two cores: one thread dispatches.
#pragma once

#include <Ice/Ice.h>

#include <string>

namespace bench::ice {

/// A run time with the ssl transport. `certificate` is what a client trusts, and with a `key` what
/// a server shows. Throws Ice's exceptions.
Ice::CommunicatorPtr make_communicator(const std::string& certificate, const std::string& key);

/// "127.0.0.1:4433" as Ice writes it: "ssl -h 127.0.0.1 -p 4433".
std::string endpoint_of(const std::string& address);

}  // namespace bench::ice
