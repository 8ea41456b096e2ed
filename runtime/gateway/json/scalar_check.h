// Whether a scalar of JSON can be the value of a field, by protobuf's canonical mapping.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

#include "runtime/messages/json_scanner.h"

namespace echostream::gateway {

/// Empty when it can be; else what was expected: `a whole number was expected, not "x"`. Not for
/// null, which never reaches a field. `field` is a scalar, a bytes or an enum field, repeated or
/// not.
std::string check_scalar(const google::protobuf::FieldDescriptor& field, internal::JsonScalar kind,
                         const std::string& text);
/// `text` of a google.protobuf.Timestamp, Duration or FieldMask.
std::string check_time_text(const google::protobuf::Descriptor& type, internal::JsonScalar kind,
                            const std::string& text);
/// As it is shown in an error: a string in quotes, anything else as it was written.
std::string shown(internal::JsonScalar kind, const std::string& text);

}  // namespace echostream::gateway
