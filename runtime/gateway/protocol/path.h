// The target of a request: "/acme.v1.Robot/Grip?query".
#pragma once

#include <optional>
#include <string_view>

namespace echostream::gateway {

struct RequestTarget {
  std::string_view path;   // with its slash
  std::string_view query;  // without the question mark
};
/// Views into `target`.
RequestTarget split_target(std::string_view target);

/// "acme.v1.Robot/Grip" of "/acme.v1.Robot/Grip". None for what cannot be a method's path: names
/// are letters, digits, '_' and dots between them. Nothing is decoded: no encoding is needed here,
/// and one hides "..", slashes and NUL from whoever looks at the path before us. A view into
/// `path`.
std::optional<std::string_view> method_of_path(std::string_view path);

}  // namespace echostream::gateway
