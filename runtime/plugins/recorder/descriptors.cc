#include "runtime/plugins/recorder/descriptors.h"

#include <google/protobuf/descriptor.pb.h>

#include <set>

namespace echostream::recorder {
namespace {

void add_file(const google::protobuf::FileDescriptor& file,
              std::set<const google::protobuf::FileDescriptor*>& added,
              google::protobuf::FileDescriptorSet& files) {
  if (!added.insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), added, files);
  file.CopyTo(files.add_file());
}

}  // namespace

const google::protobuf::Descriptor* find_message_type(std::string_view method, MessageRole role) {
  const std::size_t slash = method.find('/');
  if (slash == method.npos) return nullptr;
  std::string name(method);
  name[slash] = '.';
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  if (found == nullptr) return nullptr;
  return role == MessageRole::kRequest ? found->input_type() : found->output_type();
}

std::string make_descriptor_set(const google::protobuf::Descriptor& type) {
  std::set<const google::protobuf::FileDescriptor*> added;
  google::protobuf::FileDescriptorSet files;
  add_file(*type.file(), added, files);
  return files.SerializeAsString();
}

}  // namespace echostream::recorder
