// Whom a request is for: ":authority", or "host" in its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"

#include "runtime/http3/fields.h"

namespace echostream::gateway {

/// "console.example" of "Console.example.:4433", "::1" of "[::1]:4433"; empty for what is no
/// authority.
std::string name_of_authority(std::string_view authority);

/// What the head says. INVALID_ARGUMENT: nothing, two different things, or no authority.
Result<std::string> authority_of(const http3::Fields& head);

/// Whether the authority's name is one of `allowed` (names or addresses, without ports); when none
/// is listed, any.
bool is_allowed_host(std::string_view authority, const std::vector<std::string>& allowed);

}  // namespace echostream::gateway
