#include "runtime/gateway/link/http1_link.h"

#include <utility>
#include <vector>

#include "runtime/api/session_state.h"

namespace echostream::gateway {

Http1Link::Http1Link(Carrier& carrier, Client client, HttpGateway& gateway, std::string alt_svc)
    : HttpLink(gateway, Carries::kUnaryCalls), carrier_(&carrier), client_(std::move(client)) {
  http1::Http1Options options;
  options.max_head_bytes = gateway.max_head_bytes();
  options.alt_svc = std::move(alt_svc);
  http3::Http3Sink& events = *this;
  auto http1 = std::make_unique<http1::Http1Connection>(std::move(options), events);
  http1_ = http1.get();
  use(std::move(http1));
}

void Http1Link::leave_carrier() {
  bytes_sent_ = carrier_->bytes_sent();
  bytes_received_ = carrier_->bytes_received();
  carrier_ = nullptr;
}

void Http1Link::detach() {
  if (carrier_ != nullptr) {
    carrier_->detached();
    leave_carrier();
  }
  HttpLink::detach();
}

void Http1Link::handle_closed(const transport::CloseInfo& info, internal::SessionState* session) {
  leave_carrier();
  if (session != nullptr) session->handle_closed(info.status);
}

void Http1Link::flush_soon() {
  if (carrier_ != nullptr) carrier_->pump_soon();
}

Result<std::string> Http1Link::export_keying_material(std::string_view label,
                                                      std::string_view context,
                                                      std::size_t bytes) const {
  if (carrier_ == nullptr) return Status(StatusCode::kUnavailable, "the connection is closed");
  std::vector<std::uint8_t> material(bytes);
  if (!carrier_->export_keying_material(label, as_bytes(context), material)) {
    return Status(StatusCode::kUnavailable, "TLS gives no keying material");
  }
  return std::string(as_text(material));
}

void Http1Link::add_stats(SessionStats& stats) const {
  stats.bytes_sent = carrier_ != nullptr ? carrier_->bytes_sent() : bytes_sent_;
  stats.bytes_received = carrier_ != nullptr ? carrier_->bytes_received() : bytes_received_;
}

}  // namespace echostream::gateway
