// What a link knows of its QUIC connection, whatever protocol it talks on it: who is at the other
// end, what is counted, and how it ends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/api/link.h"
#include "runtime/transport/quic_connection.h"

namespace echostream::internal {

class QuicDriver;
class SessionState;

/// Knows most of it also after the connection is gone.
class QuicFacts {
 public:
  explicit QuicFacts(QuicDriver& driver) : driver_(&driver) {}

  SocketAddress remote_address() const;
  std::optional<PeerIdentity> peer_identity() const;
  bool is_resumed() const;
  std::optional<bool> early_data_accepted() const;
  Result<std::string> export_keying_material(std::string_view label, std::string_view context,
                                             std::size_t bytes) const;
  SocketAddress local_address() const;
  std::uint64_t target_bytes_per_s(core::Priority priority) const;
  void add_stats(SessionStats& stats) const;

 protected:
  ~QuicFacts() = default;
  /// The driver goes away, and the connection with it.
  void forget_driver();
  void flush_soon();
  /// The connection's last call; `session` may be null.
  void handle_connection_closed(const transport::CloseInfo& info, SessionState* session);

  QuicDriver* driver_;
  transport::QuicConnection* connection_ = nullptr;

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

/// A `Base`, which is a Link, whose facts are those of a QUIC connection.
template <class Base>
class OverQuic : public Base, protected QuicFacts {
 public:
  template <class... Args>
  explicit OverQuic(QuicDriver& driver, Args&&... args)
      : Base(std::forward<Args>(args)...), QuicFacts(driver) {}

  // Link
  SocketAddress remote_address() const override { return QuicFacts::remote_address(); }
  std::optional<PeerIdentity> peer_identity() const override { return QuicFacts::peer_identity(); }
  bool is_resumed() const override { return QuicFacts::is_resumed(); }
  std::optional<bool> early_data_accepted() const override {
    return QuicFacts::early_data_accepted();
  }
  Result<std::string> export_keying_material(std::string_view label, std::string_view context,
                                             std::size_t bytes) const override {
    return QuicFacts::export_keying_material(label, context, bytes);
  }
  SocketAddress local_address() const override { return QuicFacts::local_address(); }
  std::uint64_t target_bytes_per_s(core::Priority priority) const override {
    return QuicFacts::target_bytes_per_s(priority);
  }
  void add_stats(SessionStats& stats) const override { QuicFacts::add_stats(stats); }
};

}  // namespace echostream::internal
