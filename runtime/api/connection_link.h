// What the links of sessions that have a QUIC connection of their own share, whatever protocol they
// talk on it: who is at the other end, what is counted, and how it ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/api/link.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::internal {

class QuicDriver;
class SessionState;

class ConnectionLink : public Link {
 public:
  explicit ConnectionLink(QuicDriver& driver) : driver_(&driver) {}

  virtual void bind(transport::QuicConnection& connection) { connection_ = &connection; }
  void bind(SessionState& session) { session_ = &session; }
  /// What the connection reports to.
  virtual transport::QuicConnectionSink& sink() = 0;
  /// The driver goes away, and the connection with it. Until then the node keeps the link alive.
  virtual void detach();

  // Link
  SocketAddress remote_address() const override;
  std::optional<PeerIdentity> peer_identity() const override;
  bool is_resumed() const override;
  std::optional<bool> early_data_accepted() const override;
  Result<std::string> export_keying_material(std::string_view label, std::string_view context,
                                             std::size_t bytes) const override;
  SocketAddress local_address() const override;
  std::uint64_t target_bytes_per_s(core::Priority priority) const override;
  void add_stats(SessionStats& stats) const override;

 protected:
  void flush_soon();
  /// The connection's last call.
  void handle_connection_closed(const transport::CloseInfo& info);

  QuicDriver* driver_;
  transport::QuicConnection* connection_ = nullptr;
  SessionState* session_ = nullptr;

 private:
  void remember();

  // What stays known after the connection is gone.
  SocketAddress remote_address_;
  SocketAddress local_address_;
  std::optional<PeerIdentity> peer_identity_;
  bool is_resumed_ = false;
  std::optional<bool> early_data_accepted_;
  SessionStats last_stats_;
};

}  // namespace echostream::internal
