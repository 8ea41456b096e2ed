// The jitter buffer's profiles by name, and how the voice's buffer is chosen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/jitter_buffer.h"

namespace intercom {

/// "low-latency", "balanced" or "strict"; otherwise INVALID_ARGUMENT.
echostream::Result<echostream::PlayoutProfile> parse_profile(std::string_view name);
std::string profile_name(echostream::PlayoutProfile profile);

/// What intercom.proto says, with another profile if one is given.
echostream::JitterBufferOptions voice_buffer(std::optional<echostream::PlayoutProfile> profile);

}  // namespace intercom
