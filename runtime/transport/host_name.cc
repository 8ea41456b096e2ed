#include "runtime/transport/host_name.h"

#include <arpa/inet.h>

#include <algorithm>

namespace echostream::transport {
namespace {

// RFC 1035 2.3.4, without the root's dot.
constexpr std::size_t kMaxHostName = 253;
constexpr std::size_t kMaxLabel = 63;
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

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
  const std::string address(text.substr(0, text.find('%')));
  // inet_pton would read only up to a NUL.
  if (address.find('\0') != std::string::npos) return std::nullopt;
  NumericAddress result;
  if (text.size() == address.size() &&
      inet_pton(AF_INET, address.c_str(), result.bytes_.data()) == 1) {
    result.size_ = 4;
    return result;
  }
  if (inet_pton(AF_INET6, address.c_str(), result.bytes_.data()) != 1) return std::nullopt;
  result.size_ = 16;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), result.bytes_.begin())) {
    std::copy(result.bytes_.begin() + kMappedPrefix.size(), result.bytes_.end(),
              result.bytes_.begin());
    result.size_ = 4;
  }
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
