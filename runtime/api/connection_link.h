// The links of sessions that have a QUIC connection of their own: what a node that accepts one
// needs of them, whatever protocol they talk on it.
#pragma once

#include "runtime/api/link.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::internal {

class SessionState;

class ConnectionLink : public Link, public transport::QuicConnectionSink {
 public:
  /// Whom to tell. Once.
  virtual void bind(SessionState& session) = 0;
  /// The driver goes away, and the connection with it. Until then the node keeps the link alive.
  virtual void detach() = 0;
};

}  // namespace echostream::internal
