// Refuses changes that break the wire between nodes built from two versions of the same files.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "compiler/model/diagnostics.h"

namespace echostream::compiler {

/// Compares the services of `files`, and every message they reach, with the descriptor set in the
/// file at `path`. Breaking changes go to `diagnostics`. Returns an error text when the set itself
/// cannot be used, else an empty string. A service is missed only when the run still has the file
/// that declared it, for a run may see only some of a user's files.
std::string check_against(const std::string& path,
                          const std::vector<const google::protobuf::FileDescriptor*>& files,
                          Diagnostics& diagnostics);

}  // namespace echostream::compiler
