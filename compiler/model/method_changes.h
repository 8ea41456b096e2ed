// Which changes of one method break the wire.
#pragma once

#include <google/protobuf/descriptor.h>

#include "compiler/model/diagnostics.h"
#include "compiler/model/service_model.h"
#include "compiler/model/source_map.h"

namespace echostream::compiler {

/// What to say of a method that is gone.
std::string removed_method(const MethodModel& old_method);

/// Compares what two nodes must agree on. Priorities, deadlines, ages, queues, playout and
/// what becomes of a reader after a reconnect concern one end only and may change. The fields of
/// the messages are MessageComparer's business.
void compare_methods(const MethodModel& old_method,
                     const google::protobuf::MethodDescriptor& method, const SourceMap& source,
                     Diagnostics& diagnostics);

}  // namespace echostream::compiler
