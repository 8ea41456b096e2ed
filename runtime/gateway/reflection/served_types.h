// The descriptors of what a node serves, as far as they can be used, and encoded for those who ask.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "echostream/node.h"

#include "runtime/gateway/json/message_types.h"

namespace echostream::internal {

/// Belongs to services of the node, which outlives it.
class ServedTypes {
 public:
  using Files = std::vector<const google::protobuf::FileDescriptor*>;

  explicit ServedTypes(Node& node) : node_(node) {}

  /// What the node serves now. Learns the types of what has come since the last call; descriptors
  /// that cannot be used are logged.
  std::vector<const ServiceInfo*> refresh();
  const google::protobuf::DescriptorPool& pool() const { return types_.pool(); }
  /// An encoded FileDescriptorProto, kept from the first time on.
  const std::string& encoded(const google::protobuf::FileDescriptor& file);

 private:
  Node& node_;
  gateway::MessageTypes types_;
  std::size_t known_ = 0;  // services; they only become more
  std::unordered_map<const google::protobuf::FileDescriptor*, std::string> encoded_;
};

/// Adds the file and what it imports to `files`, each once and after its imports; those whose names
/// are in `left_out` are not added, and those that are added get in there.
void add_with_imports(const google::protobuf::FileDescriptor& file, std::set<std::string>& left_out,
                      ServedTypes::Files& files);

}  // namespace echostream::internal
