// RFC 4648 section 5, without padding, as JWT uses it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::auth_token {

std::string to_base64url(BytesView bytes);
/// None for anything but the one text that to_base64url() makes of some bytes: no padding, no white
/// space, no bits that say nothing. So each token has exactly one form.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace echostream::auth_token
