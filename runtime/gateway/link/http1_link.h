// The link of a session whose client talks HTTP/1.1 over TCP: unary calls and the console's page.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/gateway/link/http_link.h"
#include "runtime/http1/http1_connection.h"

namespace echostream::gateway {

class Http1Link final : public HttpLink {
 public:
  /// What carries it. Outlives the link, or is told by detached().
  class Carrier {
   public:
    /// Moves what waits, once the tasks that are ready have run.
    virtual void pump_soon() = 0;
    /// The link is over, and not to be called any more.
    virtual void detached() = 0;
    virtual bool export_keying_material(std::string_view label, BytesView context,
                                        MutableBytes out) const = 0;
    virtual std::uint64_t bytes_sent() const = 0;
    virtual std::uint64_t bytes_received() const = 0;

   protected:
    ~Carrier() = default;
  };
  /// What the handshake has told of the client.
  struct Client {
    SocketAddress remote;
    SocketAddress local;
    std::optional<PeerIdentity> identity;
    bool is_resumed = false;
  };

  /// `alt_svc`: where else this node serves.
  Http1Link(Carrier& carrier, Client client, HttpGateway& gateway, std::string alt_svc);

  http1::Http1Connection& http1() { return *http1_; }

  // internal::Link
  void detach() override;
  SocketAddress remote_address() const override { return client_.remote; }
  SocketAddress local_address() const override { return client_.local; }
  std::optional<PeerIdentity> peer_identity() const override { return client_.identity; }
  bool is_resumed() const override { return client_.is_resumed; }
  std::optional<bool> early_data_accepted() const override { return std::nullopt; }
  Result<std::string> export_keying_material(std::string_view label, std::string_view context,
                                             std::size_t bytes) const override;
  std::uint64_t target_bytes_per_s(core::Priority) const override { return 0; }
  void add_stats(SessionStats& stats) const override;

 private:
  // HttpLink
  void flush_soon() override;
  bool is_connected() const override { return carrier_ != nullptr; }
  void handle_closed(const transport::CloseInfo& info, internal::SessionState* session) override;

  void leave_carrier();

  Carrier* carrier_;
  const Client client_;
  http1::Http1Connection* http1_;  // the base's
  // What stays known after the carrier is gone.
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace echostream::gateway
