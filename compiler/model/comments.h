// The comments of a .proto file, as plain text.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

namespace echostream::compiler {

/// Leading and trailing comment of a service or method: no marks, no common indentation, no empty
/// lines around it.
std::string comment_text(const google::protobuf::SourceLocation& location);

template <class Descriptor>
std::string read_comment(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  return descriptor.GetSourceLocation(&location) ? comment_text(location) : std::string();
}

}  // namespace echostream::compiler
