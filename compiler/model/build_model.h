// Descriptors to service model. The only way from protobuf to the emitters.
#pragma once

#include <google/protobuf/descriptor.h>

#include <vector>

#include "compiler/model/diagnostics.h"
#include "compiler/model/service_model.h"

namespace echostream::compiler {

/// One model for each file, in order. What is wrong goes to `diagnostics`; the models are then not
/// to be used. Reads nothing of files that are neither listed nor imported: a run may see only some
/// of a user's files.
std::vector<FileModel> build_models(
    const std::vector<const google::protobuf::FileDescriptor*>& files, Diagnostics& diagnostics);

}  // namespace echostream::compiler
