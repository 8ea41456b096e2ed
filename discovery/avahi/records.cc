#include "discovery/avahi/records.h"

#include <algorithm>
#include <array>
#include <limits>

#include "discovery/avahi/errors.h"

namespace echostream::discovery {
namespace {

constexpr std::size_t kMostBytesOfAString = 255;
constexpr std::size_t kMostBytesOfAName = 63;

Status invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

}  // namespace

Strings strings_of(const std::vector<std::string>& txt) {
  AvahiStringList* list = nullptr;
  for (const std::string& text : txt) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    list = avahi_string_list_add_arbitrary(list, bytes, text.size());
  }
  return Strings(list);
}

std::vector<std::string> txt_of(AvahiStringList* strings) {
  std::vector<std::string> txt;
  for (; strings != nullptr; strings = avahi_string_list_get_next(strings)) {
    const auto* bytes = reinterpret_cast<const char*>(avahi_string_list_get_text(strings));
    txt.emplace_back(bytes, avahi_string_list_get_size(strings));
  }
  return txt;
}

std::vector<std::string> txt_of_data(std::span<const std::uint8_t> data) {
  std::vector<std::string> txt;
  while (!data.empty() && data.front() < data.size()) {
    const auto string = data.subspan(1, data.front());
    txt.emplace_back(string.begin(), string.end());
    data = data.subspan(1 + string.size());
  }
  return txt;
}

SocketAddress address_of(const AvahiAddress& address, std::uint16_t port,
                         std::uint32_t interface_index) {
  if (address.proto == AVAHI_PROTO_INET) {
    std::array<std::uint8_t, 4> bytes;
    // In network order, whatever its type says.
    const auto* raw = reinterpret_cast<const std::uint8_t*>(&address.data.ipv4.address);
    std::copy_n(raw, bytes.size(), bytes.begin());
    return SocketAddress::ipv4(bytes, port);
  }
  if (address.proto != AVAHI_PROTO_INET6) return {};
  std::array<std::uint8_t, 16> bytes;
  std::copy_n(address.data.ipv6.address, bytes.size(), bytes.begin());
  const bool is_link_local = bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
  return SocketAddress::ipv6(bytes, port, is_link_local ? interface_index : 0);
}

AvahiProtocol protocol_of(SocketAddress::Family family) {
  switch (family) {
    case SocketAddress::Family::kIpv4:
      return AVAHI_PROTO_INET;
    case SocketAddress::Family::kIpv6:
      return AVAHI_PROTO_INET6;
    case SocketAddress::Family::kNone:
      break;
  }
  return AVAHI_PROTO_UNSPEC;
}

SocketAddress::Family family_of(AvahiProtocol protocol) {
  if (protocol == AVAHI_PROTO_INET) return SocketAddress::Family::kIpv4;
  if (protocol == AVAHI_PROTO_INET6) return SocketAddress::Family::kIpv6;
  return SocketAddress::Family::kNone;
}

std::string type_without_subtype(const std::string& type) {
  constexpr std::string_view kMark = "._sub.";
  const std::size_t at = type.find(kMark);
  return at == std::string::npos ? type : type.substr(at + kMark.size());
}

Status check_registration(const Registration& registration) {
  if (registration.name.empty() || registration.name.size() > kMostBytesOfAName) {
    return invalid("an instance's name has 1 to 63 bytes");
  }
  if (registration.interface_index > std::uint32_t{std::numeric_limits<int>::max()}) {
    return invalid("there is no such interface");
  }
  bool is_text = is_dbus_text(registration.name) && is_dbus_text(registration.type);
  for (const std::string& subtype : registration.subtypes) {
    is_text = is_text && is_dbus_text(subtype);
  }
  if (!is_text) return invalid("names and types are UTF-8 without NUL");
  for (const std::string& text : registration.txt) {
    if (text.size() > kMostBytesOfAString) return invalid("a string of a TXT record has 255 bytes");
  }
  return Status();
}

}  // namespace echostream::discovery
