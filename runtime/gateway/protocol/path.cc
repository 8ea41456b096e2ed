#include "runtime/gateway/protocol/path.h"

#include <algorithm>
#include <cstddef>

namespace echostream::gateway {
namespace {

// A longer one is no method that anybody declared.
constexpr std::size_t kMaxPathBytes = 1024;

bool is_identifier(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

bool is_service_name(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_identifier(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

RequestTarget split_target(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

std::optional<std::string_view> method_of_path(std::string_view path) {
  if (path.size() > kMaxPathBytes || path.empty() || path[0] != '/') return std::nullopt;
  path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || !is_service_name(path.substr(0, slash)) ||
      !is_identifier(path.substr(slash + 1))) {
    return std::nullopt;
  }
  return path;
}

}  // namespace echostream::gateway
