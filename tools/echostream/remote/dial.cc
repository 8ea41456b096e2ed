// Which protocol a target is spoken to in.
#include <string>
#include <string_view>

#include "echostream/socket_address.h"

#include "tools/echostream/remote/dial_options.h"
#include "tools/echostream/remote/http_remote.h"
#include "tools/echostream/remote/native_remote.h"

namespace echostream::tool {

namespace {

constexpr std::string_view kScheme = "echostream+";
constexpr std::string_view kMdnsScheme = "echostream+mdns:";

// "192.0.2.7", "robot.example:70000": no names that anybody announces, and no addresses either.
bool is_meant_as_address(std::string_view target) {
  constexpr std::string_view kDigits = "0123456789";
  if (target.starts_with('[')) return true;
  const std::size_t colon = target.find(':');
  if (colon == target.npos) return target.find_first_not_of("0123456789.") == target.npos;
  const std::string_view port = target.substr(colon + 1);
  return target.find(' ') == target.npos && port.find_first_not_of(kDigits) == port.npos;
}

Result<std::string> native_target(const std::string& target) {
  const auto address = parse_host_and_port(target);
  if (address && address->port != 0) return target;
  if (address) {
    return Status(StatusCode::kInvalidArgument, "'" + target + "': port 0 is nobody's");
  }
  if (is_meant_as_address(target)) return address.error();
  if (target.starts_with(kScheme) && !target.starts_with(kMdnsScheme)) {
    return Status(StatusCode::kInvalidArgument, "'" + target + "': of such targets there is " +
                                                    std::string(kMdnsScheme) +
                                                    "NAME only, which may be written as NAME");
  }
#ifdef ECHOSTREAM_HAS_DISCOVERY
  return target.starts_with(kMdnsScheme) ? target : std::string(kMdnsScheme) + target;
#else
  return Status(StatusCode::kInvalidArgument,
                "'" + target +
                    "' is not HOST:PORT, and this program was built without discovery, which "
                    "could find a name");
#endif
}

// What may be the matter when nobody has answered.
Status explained(Status status, bool is_name) {
  const bool is_silence = status.code() == StatusCode::kDeadlineExceeded ||
                          (is_name && status.code() == StatusCode::kUnavailable);
  if (!is_silence) return status;
  const std::string hint =
      is_name ? "; 'echostream browse' shows who is there, and a host is written as HOST:PORT"
              : "; does anybody listen there, and do firewalls let UDP through?";
  return {status.code(), std::string(status.message()) + hint};
}

}  // namespace

Task<Result<std::unique_ptr<Remote>>> dial(Loop& loop, const DialOptions& options) {
  if (Status status = options.check_target(); !status.is_ok()) co_return status;
  if (options.is_http()) {
    auto settings = options.node_options();
    if (!settings) co_return settings.error();
    auto server =
        co_await dial_http(loop, options.target(), *std::move(settings), options.http_protocol());
    if (!server) co_return explained(server.error(), false);
    co_return std::move(server);
  }
  auto target = native_target(options.target());
  if (!target) co_return target.error();
  auto node_options = options.node_options();
  if (!node_options) co_return node_options.error();
  const bool is_name = target->starts_with(kScheme);
  auto remote = co_await dial_native(loop, *std::move(target), *std::move(node_options));
  if (!remote) co_return explained(remote.error(), is_name);
  co_return std::move(remote);
}

}  // namespace echostream::tool
