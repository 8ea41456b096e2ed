// Descriptors from strangers, before protobuf builds anything of them.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include "echostream/base/status.h"

namespace echostream::gateway {

/// INVALID_ARGUMENT, with the file's name where it can be shown: a name that is none, text that is
/// not UTF-8, options that are not interpreted yet, or so many ranges that comparing them with each
/// other would take long.
Status check_file(const google::protobuf::FileDescriptorProto& file);

}  // namespace echostream::gateway
