#include "compiler/model/source_map.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

namespace echostream::compiler {

SourcePath path_of(const google::protobuf::MethodDescriptor& method) {
  using google::protobuf::FileDescriptorProto;
  using google::protobuf::ServiceDescriptorProto;
  return {FileDescriptorProto::kServiceFieldNumber, method.service()->index(),
          ServiceDescriptorProto::kMethodFieldNumber, method.index()};
}

SourceMap::SourceMap(const google::protobuf::FileDescriptor& file) : file_(file.name()) {
  google::protobuf::FileDescriptorProto proto;
  file.CopySourceCodeInfoTo(&proto);
  for (const auto& location : proto.source_code_info().location()) {
    if (location.span_size() < 3) continue;
    SourcePath path(location.path().begin(), location.path().end());
    // Of several places (an `extend` split in two) the first counts.
    positions_.emplace(std::move(path), std::pair(location.span(0) + 1, location.span(1) + 1));
  }
}

SourceMap::Positions::const_iterator SourceMap::find_inside(const SourcePath& path) const {
  const auto found = positions_.lower_bound(path);
  if (found == positions_.end() || found->first.size() < path.size()) return positions_.end();
  const bool is_inside = std::equal(path.begin(), path.end(), found->first.begin());
  return is_inside ? found : positions_.end();
}

bool SourceMap::contains(const SourcePath& path) const {
  return find_inside(path) != positions_.end();
}

Location SourceMap::locate(SourcePath path) const {
  for (; !path.empty(); path.pop_back()) {
    const auto found = find_inside(path);
    if (found != positions_.end()) return {file_, found->second.first, found->second.second};
  }
  return {file_, 1, 1};
}

}  // namespace echostream::compiler
