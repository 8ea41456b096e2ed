// Single settings, from the environment and the command line.
#pragma once

#include <string>
#include <vector>

#include "echostream/config.pb.h"

#include "runtime/config/message_reader.h"

namespace echostream::internal {

/// Changes `message` as ConfigOverrides says.
void apply_environment(const std::vector<std::string>& variables, config::Config& message,
                       FieldPlaces& places, Problems& problems);
void apply_settings(const std::vector<std::string>& settings, config::Config& message,
                    FieldPlaces& places, Problems& problems);

}  // namespace echostream::internal
