// What the types and ranges of the schema cannot say. Looks at no file.
#pragma once

#include "echostream/config.pb.h"

#include "runtime/config/places.h"

namespace echostream::internal {

void validate(const config::Config& message, const ConfigPlaces& places, Problems& problems);

}  // namespace echostream::internal
