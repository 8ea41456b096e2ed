// Where the parts of one .proto file stand in its text.
#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <utility>
#include <vector>

#include "compiler/model/diagnostics.h"

namespace echostream::compiler {

/// A place in a FileDescriptorProto: field numbers and indexes, as in SourceCodeInfo.Location.path.
using SourcePath = std::vector<int>;

/// Where a service, method, message, enum or field is declared.
template <class Descriptor>
Location locate(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {descriptor.file()->name(), 1, 1};
  return {descriptor.file()->name(), location.start_line + 1, location.start_column + 1};
}

/// The method's place in its file.
SourcePath path_of(const google::protobuf::MethodDescriptor& method);

class SourceMap {
 public:
  explicit SourceMap(const google::protobuf::FileDescriptor& file);

  /// The place itself; else the first thing said inside it (an option set field by field has no
  /// position as a whole); else what contains it. 1:1 when the file carries no positions.
  Location locate(SourcePath path) const;

  /// Whether something at `path`, or inside it, has a position.
  bool contains(const SourcePath& path) const;

 private:
  using Positions = std::map<SourcePath, std::pair<int, int>>;
  Positions::const_iterator find_inside(const SourcePath& path) const;

  std::string file_;
  Positions positions_;
};

}  // namespace echostream::compiler
