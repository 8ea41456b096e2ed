#include <memory>
#include <utility>

#include "echostream/http.h"
#include "echostream/reflection.h"

#include "runtime/api/node_impl.h"
#include "runtime/gateway/console/console_service.h"
#include "runtime/gateway/link/http3_link.h"
#include "runtime/gateway/link/side_door.h"
#include "runtime/gateway/protocol/cors.h"

namespace echostream {
namespace {

Status check(const HttpOptions& options) {
  if (options.body_timeout <= Duration::zero()) {
    return {StatusCode::kInvalidArgument, "HttpOptions::body_timeout must be above zero"};
  }
  if (options.max_json_depth == 0 || options.max_json_depth > 1000) {
    return {StatusCode::kInvalidArgument, "HttpOptions::max_json_depth must be 1 to 1000"};
  }
  for (const std::string& origin : options.allowed_origins) {
    if (Status status = gateway::check_allowed_origin(origin); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status serve_what_the_console_asks(Node& node) {
  Status status = serve_reflection(node);
  return status.is_ok() ? gateway::serve_console(node) : status;
}

}  // namespace

Status enable_http(Node& node, HttpOptions options) {
  Node::Impl& impl = node.impl();
  if (Status status = check(options); !status.is_ok()) return status;
  if (impl.takes_http()) {
    return {StatusCode::kAlreadyExists, "the node talks HTTP/3 already"};
  }
  for (const auto& driver : impl.drivers) {
    if (driver.get() == impl.dialler) continue;
    return {StatusCode::kFailedPrecondition, "enable_http() comes before Node::listen()"};
  }
  if (options.tcp_side_door && !gateway::has_side_door()) {
    return {StatusCode::kUnimplemented,
            "this EchoStream was built without llhttp, which HttpOptions::tcp_side_door needs: on "
            "Debian 12 install node-llhttp, on Debian 13 libllhttp-dev, and build it again"};
  }
  if (options.console) {
    if (Status status = serve_what_the_console_asks(node); !status.is_ok()) return status;
  }
  const bool has_side_door = options.tcp_side_door;
  auto gateway = std::make_shared<gateway::HttpGateway>(impl.context, std::move(options));
  if (has_side_door) impl.open_side_door = gateway::side_door_of(impl, gateway);
  impl.accept_http = [&impl, gateway = std::move(gateway)](internal::QuicDriver& driver,
                                                           transport::QuicConnection& connection) {
    return impl.adopt(gateway::Http3Link::make(driver, *gateway), connection);
  };
  return Status::ok();
}

}  // namespace echostream
