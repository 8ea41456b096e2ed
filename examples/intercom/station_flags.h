// The flags that both stations understand.
#pragma once

#include "arguments/arguments.h"
#include "station.h"

namespace intercom {

/// `options` must outlive `flags`.
void add_station_flags(examples::Arguments& flags, StationOptions& options);

}  // namespace intercom
