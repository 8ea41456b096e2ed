// Files that a configuration names, read whole and with a bound.
#pragma once

#include <string>

#include "echostream/base/result.h"

namespace echostream::internal {

/// NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE with the system's reason; INVALID_ARGUMENT for a
/// folder and for what is longer than `most_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t most_bytes);
/// The same for secrets: PERMISSION_DENIED when others than its owner may read it.
Result<std::string> read_secret_file(const std::string& path, std::size_t most_bytes);

}  // namespace echostream::internal
