#include "compiler/model/wire_changes.h"

#include <google/protobuf/descriptor.pb.h>

#include <fstream>
#include <map>
#include <set>

#include "compiler/model/message_changes.h"
#include "compiler/model/method_changes.h"
#include "compiler/model/read_method.h"
#include "compiler/model/source_map.h"

namespace echostream::compiler {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

/// Keeps protobuf from printing what we say ourselves.
class FirstError final : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& filename, const std::string& element,
                const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    if (text.empty()) text = filename + ": " + element + ": " + message;
  }
  std::string text;
};

std::string read_set(const std::string& path, FileDescriptorSet& set) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return "against=" + path + ": cannot open the file; check the path";
  if (!set.ParseFromIstream(&stream) || set.file_size() == 0) {
    return "against=" + path +
           ": is not a descriptor set; make one with protoc --include_imports "
           "--descriptor_set_out=" +
           path;
  }
  return {};
}

std::string build_pool(const std::string& path, const FileDescriptorSet& set,
                       DescriptorPool& pool) {
  FirstError error;
  for (const FileDescriptorProto& file : set.file()) {
    if (pool.BuildFileCollectingErrors(file, &error) == nullptr) {
      return "against=" + path + ": " + error.text +
             " (was the descriptor set made with --include_imports?)";
    }
  }
  return {};
}

class SetComparer {
 public:
  SetComparer(const std::vector<const FileDescriptor*>& files, Diagnostics& diagnostics)
      : files_(files), diagnostics_(diagnostics), messages_(diagnostics) {
    for (const FileDescriptor* file : files) {
      for (int i = 0; i < file->service_count(); ++i) add_service(*file->service(i));
    }
  }

  void compare(const FileDescriptorSet& set, const DescriptorPool& pool) {
    for (const FileDescriptorProto& proto : set.file()) {
      const FileDescriptor& file = *pool.FindFileByName(proto.name());
      for (int i = 0; i < file.service_count(); ++i) compare_service(*file.service(i));
    }
  }

 private:
  void add_service(const ServiceDescriptor& service) {
    services_[service.full_name()] = &service;
    for (int i = 0; i < service.method_count(); ++i) {
      const MethodDescriptor& method = *service.method(i);
      by_id_[read_method(method).id] = &method;
    }
  }

  const FileDescriptor* file_of_run(const std::string& name) const {
    for (const FileDescriptor* file : files_) {
      if (file->name() == name) return file;
    }
    return nullptr;
  }

  void compare_service(const ServiceDescriptor& old_service) {
    const auto found = services_.find(old_service.full_name());
    const ServiceDescriptor* service = found == services_.end() ? nullptr : found->second;
    const FileDescriptor* file =
        service != nullptr ? service->file() : file_of_run(old_service.file()->name());
    if (file == nullptr) return;  // not part of this run
    const Location where = service != nullptr ? locate(*service) : Location{.file = file->name()};
    for (int i = 0; i < old_service.method_count(); ++i) {
      compare_method(*old_service.method(i), service, where);
    }
  }

  /// A method keeps its identity with its id; a new name with the old id is no break.
  void compare_method(const MethodDescriptor& old_method, const ServiceDescriptor* service,
                      const Location& where_missing) {
    const MethodModel old_model = read_method(old_method);
    const auto same_id = by_id_.find(old_model.id);
    const MethodDescriptor* method = same_id != by_id_.end() ? same_id->second
                                     : service != nullptr
                                         ? service->FindMethodByName(old_method.name())
                                         : nullptr;
    if (method == nullptr) {
      diagnostics_.error(where_missing, removed_method(old_model));
      return;
    }
    const SourceMap source(*method->file());
    compare_methods(old_model, *method, source, diagnostics_);
    messages_.compare(*old_method.input_type(), *method->input_type());
    messages_.compare(*old_method.output_type(), *method->output_type());
  }

  const std::vector<const FileDescriptor*>& files_;
  Diagnostics& diagnostics_;
  MessageComparer messages_;
  std::map<std::string, const ServiceDescriptor*> services_;
  std::map<std::uint64_t, const MethodDescriptor*> by_id_;
};

}  // namespace

std::string check_against(const std::string& path, const std::vector<const FileDescriptor*>& files,
                          Diagnostics& diagnostics) {
  FileDescriptorSet set;
  std::string error = read_set(path, set);
  if (!error.empty()) return error;
  DescriptorPool pool;
  error = build_pool(path, set, pool);
  if (!error.empty()) return error;
  SetComparer(files, diagnostics).compare(set, pool);
  return {};
}

}  // namespace echostream::compiler
