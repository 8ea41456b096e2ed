// One method of a descriptor, with its EchoStream options, as a MethodModel.
#pragma once

#include <google/protobuf/descriptor.h>

#include "echostream/options.pb.h"

#include "compiler/model/service_model.h"

namespace echostream::compiler {

/// The method's (echostream.method), or an empty one.
const MethodOptions& echostream_options(const google::protobuf::MethodDescriptor& method);

/// Whether the method returns google.protobuf.Empty, not as a stream.
bool returns_nothing(const google::protobuf::MethodDescriptor& method);

/// Reads without judging: contradictions are check_method's business.
MethodModel read_method(const google::protobuf::MethodDescriptor& method);

}  // namespace echostream::compiler
