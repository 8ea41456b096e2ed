// The middleware: agrees with the peer on an encoding, and packs and unpacks what goes over the
// wire. docs/protocol.md, "Compressed messages", has the rules.
#pragma once

#include <memory>

#include "echostream/middleware.h"

#include "runtime/plugins/compression/packer.h"

namespace echostream::compression {

std::shared_ptr<Middleware> make_packing_layer(std::shared_ptr<Packer> packer);

}  // namespace echostream::compression
