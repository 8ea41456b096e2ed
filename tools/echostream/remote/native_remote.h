// A node, reached over a session of EchoStream's own protocol.
#pragma once

#include <memory>
#include <string>

#include "tools/echostream/remote/dial_options.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

Task<Result<std::unique_ptr<Remote>>> dial_native(Loop& loop, std::string target,
                                                  NodeOptions options);

}  // namespace echostream::tool
