// Another way into a node than its UDP port, opened by who knows more than the node does. The node
// keeps it as long as it lives.
#pragma once

#include <memory>

#include "runtime/transport/tls_context.h"

namespace echostream::internal {

class SideDoor {
 public:
  virtual ~SideDoor() = default;
  /// For handshakes from now on.
  virtual void set_server_tls(std::shared_ptr<transport::TlsContext> tls) = 0;
  /// Refuses new clients from now on.
  virtual void stop_accepting() = 0;
  /// Writes what waits at once: the last bytes before the node goes away.
  virtual void flush_now() = 0;
};

}  // namespace echostream::internal
