// Text of others, made safe to show.
#pragma once

#include <string>
#include <string_view>

namespace echostream {

/// For terminals and logs. UTF-8 (RFC 3629) stays as it is; bytes that are none, control characters
/// (C0, DEL, C1), line separators and marks that turn the direction of text become "\x1b", a
/// backslash two of them. Not cut: bound it before.
std::string printable(std::string_view text);

}  // namespace echostream
