#include "runtime/loop/uv/socket_errors.h"

#include <errno.h>

#include <string>
#include <system_error>

namespace echostream::internal {
namespace {

const char* hint_for(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; stop who uses it, or choose another port (0 lets the system choose)";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has that address";
    case EACCES:
    case EPERM:
      return "; ports below 1024 need a privilege";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files";
    case EAFNOSUPPORT:
      return "; this machine does not have that kind of address";
    default:
      return "";
  }
}

}  // namespace

Status cannot_open_socket(const char* kind, const SocketAddress& address, int error) {
  return {StatusCode::kUnavailable, std::string("cannot open a ") + kind + " socket on " +
                                        address.to_string() + ": " +
                                        std::generic_category().message(error) + hint_for(error)};
}

}  // namespace echostream::internal
