#include "runtime/transport/host_name.h"

#include <algorithm>

#include "echostream/socket_address.h"

namespace echostream::transport {
namespace {

// RFC 1035 2.3.4, without the root's dot.
constexpr std::size_t kMaxHostName = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), is_label_character);
}

}  // namespace

std::optional<NumericAddress> NumericAddress::parse(std::string_view text) {
  // C functions below would read only up to a NUL.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const bool is_ipv6 = text.find(':') != std::string_view::npos;
  // SocketAddress takes numeric zones only, and no certificate has one.
  const std::string host(is_ipv6 ? text.substr(0, text.find('%')) : text);
  const auto address = SocketAddress::parse(is_ipv6 ? "[" + host + "]:0" : host + ":0");
  if (!address) return std::nullopt;
  NumericAddress result;
  result.bytes_ = address->address();
  result.size_ = address->family() == SocketAddress::Family::kIpv4 ? 4 : 16;
  return result;
}

std::string_view without_root_dot(std::string_view host_name) {
  if (host_name.ends_with('.')) host_name.remove_suffix(1);
  return host_name;
}

bool is_host_name(std::string_view text) {
  std::string_view rest = without_root_dot(text);
  if (rest.empty() || rest.size() > kMaxHostName || NumericAddress::parse(rest)) return false;
  while (true) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace echostream::transport
