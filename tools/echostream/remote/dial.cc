// Which protocol a target is spoken to in.
#include "echostream/socket_address.h"

#include "tools/echostream/remote/dial_options.h"
#include "tools/echostream/remote/http_remote.h"
#include "tools/echostream/remote/native_remote.h"

namespace echostream::tool {

namespace {

Result<std::string> native_target(const std::string& target) {
  if (parse_host_and_port(target)) return target;
  if (target.starts_with("echostream+")) return target;
#ifdef ECHOSTREAM_HAS_DISCOVERY
  return "echostream+mdns:" + target;
#else
  return Status(StatusCode::kInvalidArgument,
                "'" + target +
                    "' is not HOST:PORT, and this program was built without discovery, which "
                    "could find a name");
#endif
}

}  // namespace

Task<Result<std::unique_ptr<Remote>>> dial(Loop& loop, const DialOptions& options) {
  if (options.target().starts_with("https://")) {
    auto settings = options.node_options();
    if (!settings) co_return settings.error();
    auto server = co_await dial_http(loop, options.target(), *std::move(settings));
    co_return std::move(server);
  }
  auto target = native_target(options.target());
  if (!target) co_return target.error();
  auto node_options = options.node_options();
  if (!node_options) co_return node_options.error();
  auto remote = co_await dial_native(loop, *std::move(target), *std::move(node_options));
  co_return std::move(remote);
}

}  // namespace echostream::tool
