// The few functions of BoringSSL that tokens need.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "echostream/base/bytes.h"

namespace echostream::auth_token {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(BytesView bytes);
/// RFC 2104.
Digest hmac_sha256(BytesView key, BytesView bytes);
/// Takes as long whatever the bytes are; not so for sizes, which are no secret.
bool equal_in_constant_time(BytesView a, BytesView b);
/// Overwrites a secret.
void wipe(std::string& secret);

}  // namespace echostream::auth_token
