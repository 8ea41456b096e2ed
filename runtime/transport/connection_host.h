// What a connection needs of the endpoint it lives in.
#pragma once

#include <memory>

#include "echostream/base/bytes.h"
#include "echostream/base/executor.h"
#include "echostream/base/result.h"
#include "echostream/socket_address.h"

#include "runtime/transport/connection_id.h"
#include "runtime/transport/crypto/address_tokens.h"
#include "runtime/transport/quic_connection.h"
#include "runtime/transport/quic_options.h"
#include "runtime/transport/trace_sinks.h"

namespace echostream::transport {

class Connection;

class ConnectionHost {
 public:
  virtual const QuicOptions& quic_options() const = 0;
  virtual void fill_random(MutableBytes out) = 0;
  virtual const AddressTokens& tokens() const = 0;
  /// An unpredictable id for packets to this endpoint, of ConnectionId::kOwnBytes.
  virtual ConnectionId new_id() = 0;
  /// For the trace of a new connection; null when there is none.
  virtual std::unique_ptr<QlogSink> open_qlog(const ConnectionId& original_id, bool is_server) = 0;
  /// The time of day.
  virtual WallTime wall_time() = 0;
  /// Packets for the id go to the connection from now on.
  virtual void add_id(const ConnectionId& id, Connection& connection) = 0;
  virtual void remove_id(const ConnectionId& id) = 0;
  /// A datagram that ends with the token ends the connection.
  virtual void add_reset_token(const ResetToken& token, Connection& connection) = 0;
  virtual void remove_reset_token(const ResetToken& token) = 0;
  /// It may have something to send: write() will be called.
  virtual void want_write(Connection& connection) = 0;
  virtual void arm(TimerNode& timer, LocalTime deadline) = 0;
  /// A client finished its handshake: its sink, or null to refuse it.
  virtual QuicConnectionSink* accept(LocalTime now, Connection& connection) = 0;
  /// A client whose certificate this side did not accept, and why.
  virtual void refused(LocalTime now, const SocketAddress& client, const Status& why) = 0;
  /// It is no longer half open.
  virtual void handshake_over(Connection& connection) = 0;
  /// For a later connection to that address.
  virtual void keep_token(const SocketAddress& server, BytesView token) = 0;
  /// Closed, released, and silent for long enough: destroys it. Not from inside a call of its own.
  virtual void retire(Connection& connection) = 0;

 protected:
  ~ConnectionHost() = default;
};

}  // namespace echostream::transport
