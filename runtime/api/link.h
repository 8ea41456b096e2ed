// The connection under a session, as the API needs it: the engine's commands plus what a user may
// ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "echostream/peer_identity.h"
#include "echostream/session.h"
#include "echostream/socket_address.h"

#include "runtime/core/session/transport_port.h"

namespace echostream::internal {

class Link : public core::TransportPort {
 public:
  virtual SocketAddress remote_address() const = 0;
  virtual std::optional<PeerIdentity> peer_identity() const = 0;
  virtual bool is_resumed() const = 0;
  /// Idempotent rpcs can be sent although the session is not open yet.
  virtual bool can_send_early() const = 0;
  /// Of a session that was dialled: the peer's plugins look at us after the handshake.
  virtual bool peer_decides_later() const = 0;
  virtual std::optional<bool> early_data_accepted() const = 0;
  /// Session::export_keying_material(); the arguments are in their range.
  virtual Result<std::string> export_keying_material(std::string_view label,
                                                     std::string_view context,
                                                     std::size_t bytes) const = 0;
  virtual SocketAddress local_address() const = 0;
  /// Begins to move to a new socket, whose name SessionState::handle_migrated() will say.
  virtual Result<SocketAddress> migrate(const SocketAddress& local) = 0;
  /// The local address is not there any more, or not the one to use: migrate() would help.
  virtual bool has_lost_its_address() const = 0;
  /// What a stream of that priority may send, in bytes per second; 0: not known.
  virtual std::uint64_t target_bytes_per_s(core::Priority priority) const = 0;
  /// Fills in what the transport counts.
  virtual void add_stats(SessionStats& stats) const = 0;
  /// The node goes away, and what carries the link with it. Until then the node keeps it alive.
  virtual void detach() {}
};

/// How a session ends that the peer's plugins do not take.
inline Status refused_by_peer(StatusCode code, const std::string& message) {
  const std::string text = "the peer refused the session";
  return {code, message.empty() ? text : text + ": " + message};
}

}  // namespace echostream::internal
