// Finds contradictions between a method's options and its shape.
#pragma once

#include <google/protobuf/descriptor.h>

#include "compiler/model/diagnostics.h"
#include "compiler/model/source_map.h"

namespace echostream::compiler {

void check_method(const google::protobuf::MethodDescriptor& method, const SourceMap& source,
                  Diagnostics& diagnostics);

}  // namespace echostream::compiler
