#include "discovery/avahi/errors.h"

#include <avahi-common/error.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace echostream::discovery {
namespace {

Status unavailable(std::string message) {
  return Status(StatusCode::kUnavailable, std::move(message));
}

}  // namespace

Status no_daemon() {
  return unavailable(
      "avahi-daemon is not running: apt install avahi-daemon && systemctl start avahi-daemon");
}

Status no_bus() {
  return unavailable(
      "there is no D-Bus system bus, which avahi-daemon is reached by: apt install dbus "
      "avahi-daemon && systemctl start dbus avahi-daemon");
}

Status daemon_hangs() {
  return unavailable("avahi-daemon does not answer: systemctl restart avahi-daemon");
}

Status connecting_failed(int avahi_error) {
  switch (avahi_error) {
    // A missing daemon is waited for; what misses here is the bus.
    case AVAHI_ERR_NO_DAEMON:
      return no_bus();
    case AVAHI_ERR_TIMEOUT:
      return daemon_hangs();
    default:
      return unavailable(std::string("cannot connect to avahi-daemon: ") +
                         avahi_strerror(avahi_error));
  }
}

bool is_lost(int avahi_error) {
  switch (avahi_error) {
    case AVAHI_ERR_DBUS_ERROR:  // among others: no reply in time
    case AVAHI_ERR_DISCONNECTED:
    case AVAHI_ERR_NO_DAEMON:
    case AVAHI_ERR_TIMEOUT:
      return true;
    default:
      return false;
  }
}

Status lost_by(int avahi_error) {
  const bool is_gone = avahi_error == AVAHI_ERR_DISCONNECTED || avahi_error == AVAHI_ERR_NO_DAEMON;
  return is_gone ? no_daemon() : daemon_hangs();
}

Status status_of(int avahi_error) {
  const std::string text = avahi_strerror(avahi_error);
  switch (avahi_error) {
    case AVAHI_ERR_COLLISION:
      return Status(StatusCode::kAlreadyExists, "somebody else has that name");
    case AVAHI_ERR_TIMEOUT:
    case AVAHI_ERR_NOT_FOUND:
      return Status(StatusCode::kNotFound, "nobody answers for that name");
    case AVAHI_ERR_TOO_MANY_CLIENTS:
    case AVAHI_ERR_TOO_MANY_OBJECTS:
    case AVAHI_ERR_TOO_MANY_ENTRIES:
      return Status(StatusCode::kResourceExhausted,
                    "avahi-daemon has no room for more (its limits are in "
                    "/etc/avahi/avahi-daemon.conf): " +
                        text);
    case AVAHI_ERR_INVALID_HOST_NAME:
    case AVAHI_ERR_INVALID_DOMAIN_NAME:
    case AVAHI_ERR_INVALID_RECORD:
    case AVAHI_ERR_INVALID_SERVICE_NAME:
    case AVAHI_ERR_INVALID_SERVICE_TYPE:
    case AVAHI_ERR_INVALID_SERVICE_SUBTYPE:
    case AVAHI_ERR_INVALID_PORT:
    case AVAHI_ERR_INVALID_INTERFACE:
    case AVAHI_ERR_INVALID_PROTOCOL:
    case AVAHI_ERR_INVALID_RDATA:
    case AVAHI_ERR_INVALID_ARGUMENT:
      return Status(StatusCode::kInvalidArgument, "avahi-daemon does not take it: " + text);
    default:
      return unavailable("avahi-daemon: " + text);
  }
}

bool is_dbus_text(std::string_view text) {
  // RFC 3629 section 3.
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    if (lead == 0 || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4) return false;
    const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size() - i < bytes) return false;
    char32_t code = bytes == 1 ? lead : lead & (0x7F >> bytes);
    for (std::size_t k = 1; k < bytes; ++k) {
      const auto next = static_cast<std::uint8_t>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3F);
    }
    if ((bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000)) return false;
    if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return false;
    i += bytes;
  }
  return true;
}

}  // namespace echostream::discovery
