// What a recording holds, as text for people and as JSON. A file may hold anything: nothing of it
// gets to a terminal that is not printable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "echostream/base/time.h"
#include "echostream/plugins/recording.h"

namespace echostream::tool {

/// "2026-01-31T23:59:59.123456789Z".
std::string utc(WallTime time);
/// With "\x1b" for bytes that are not printable ASCII.
std::string printable(std::string_view text);
/// In quotation marks. Bytes that are not ASCII are taken for Latin-1.
std::string json_string(std::string_view text);
/// "1 message", "2 messages".
std::string count(std::uint64_t number, std::string_view what);
/// One sentence about what is missing; empty when nothing is.
std::string describe_damage(const RecordingDamage& damage);

}  // namespace echostream::tool
