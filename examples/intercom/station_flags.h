// The command line that both stations have in common.
#pragma once

#include <optional>

#include "arguments/arguments.h"
#include "station.h"

namespace intercom {

/// Adds the flags of every station to those of the program, and parses all. The exit code when the
/// program should end now, as Arguments::parse() gives it.
std::optional<int> parse_station_flags(examples::Arguments& flags, int argument_count,
                                       char** arguments, StationOptions& options);

}  // namespace intercom
