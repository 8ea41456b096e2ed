// The link of a session whose client talks HTTP/3.
#pragma once

#include <memory>

#include "runtime/api/quic_facts.h"
#include "runtime/gateway/link/http_link.h"
#include "runtime/http3/http3_connection.h"

namespace echostream::gateway {

class Http3Link final : public internal::OverQuic<HttpLink> {
 public:
  /// Null when there is no memory for it. The gateway lives as long as the node.
  static std::unique_ptr<Http3Link> make(internal::QuicDriver& driver, HttpGateway& gateway);

  using HttpLink::bind;
  void bind(transport::QuicConnection& connection);
  transport::QuicConnectionSink& sink() { return *http3_; }
  void detach() override;

 private:
  Http3Link(internal::QuicDriver& driver, HttpGateway& gateway)
      : OverQuic(driver, gateway, Carries::kAll) {}

  // HttpLink
  void flush_soon() override { QuicFacts::flush_soon(); }
  bool is_connected() const override { return connection_ != nullptr; }
  void handle_closed(const transport::CloseInfo& info, internal::SessionState* session) override {
    handle_connection_closed(info, session);
  }

  http3::Http3Connection* http3_ = nullptr;  // the base's
};

}  // namespace echostream::gateway
