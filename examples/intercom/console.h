// What a station tells whoever watches it: one line each, with the time of day.
#pragma once

#include <string_view>

#include "echostream/loop.h"

namespace intercom {

/// "10:32:05.123  kitchen  the phone rings"
void say(const echostream::Loop& loop, std::string_view station, std::string_view text);

}  // namespace intercom
