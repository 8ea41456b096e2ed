#include "runtime/gateway/link/http3_link.h"

#include <utility>

namespace echostream::gateway {

std::unique_ptr<Http3Link> Http3Link::make(internal::QuicDriver& driver, HttpGateway& gateway) {
  std::unique_ptr<Http3Link> link(new Http3Link(driver, gateway));
  http3::Http3Options options;
  options.max_field_section_bytes = gateway.max_head_bytes();
  http3::Http3Sink& events = *link;
  auto http = http3::Http3Connection::make(true, options, events);
  if (!http) return nullptr;
  link->http3_ = http->get();
  link->http3_->write_later([self = link.get()] { self->look_soon(); });
  link->use(*std::move(http));
  return link;
}

void Http3Link::bind(transport::QuicConnection& connection) {
  connection_ = &connection;
  http3_->bind(&connection);
}

void Http3Link::detach() {
  forget_driver();
  http3_->bind(nullptr);
  HttpLink::detach();
}

}  // namespace echostream::gateway
