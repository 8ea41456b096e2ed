#include "runtime/gateway/reflection/served_types.h"

#include <google/protobuf/descriptor.pb.h>

namespace echostream::internal {

using google::protobuf::FileDescriptor;

std::vector<const ServiceInfo*> ServedTypes::refresh() {
  std::vector<const ServiceInfo*> services = node_.services();
  for (; known_ < services.size(); ++known_) {
    const ServiceInfo& service = *services[known_];
    const Status status = types_.add(service);
    if (status.is_ok()) continue;
    node_.log(LogLevel::kWarning, "reflection cannot tell the types of " +
                                      std::string(service.full_name) + ": " +
                                      std::string(status.message()));
  }
  return services;
}

const std::string& ServedTypes::encoded(const FileDescriptor& file) {
  const auto [slot, is_new] = encoded_.try_emplace(&file);
  if (is_new) {
    google::protobuf::FileDescriptorProto proto;
    file.CopyTo(&proto);
    slot->second = proto.SerializeAsString();
  }
  return slot->second;
}

void add_with_imports(const FileDescriptor& file, std::set<std::string>& left_out,
                      ServedTypes::Files& files) {
  if (!left_out.insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) {
    add_with_imports(*file.dependency(i), left_out, files);
  }
  files.push_back(&file);
}

}  // namespace echostream::internal
