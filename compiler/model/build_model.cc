#include "compiler/model/build_model.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <map>

#include "compiler/model/check_method.h"
#include "compiler/model/comments.h"
#include "compiler/model/read_method.h"
#include "compiler/model/source_map.h"

namespace echostream::compiler {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::string encode(const FileDescriptor& file) {
  FileDescriptorProto proto;
  file.CopyTo(&proto);
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  proto.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string path_in_package(const FileDescriptor& file, const std::string& full_name) {
  return file.package().empty() ? full_name : full_name.substr(file.package().size() + 1);
}

void collect_types(const Descriptor& message, std::vector<std::string>& paths) {
  paths.push_back(path_in_package(*message.file(), message.full_name()));
  for (int i = 0; i < message.nested_type_count(); ++i) {
    collect_types(*message.nested_type(i), paths);
  }
  for (int i = 0; i < message.enum_type_count(); ++i) {
    paths.push_back(path_in_package(*message.file(), message.enum_type(i)->full_name()));
  }
}

ServiceModel read_service(const ServiceDescriptor& service) {
  ServiceModel model;
  model.name = service.name();
  model.full_name = service.full_name();
  model.comment = read_comment(service);
  for (int i = 0; i < service.method_count(); ++i) {
    model.methods.push_back(read_method(*service.method(i)));
  }
  return model;
}

FileModel read_file(const FileDescriptor& file) {
  FileModel model;
  model.path = file.name();
  model.package = file.package();
  for (int i = 0; i < file.service_count(); ++i) {
    model.services.push_back(read_service(*file.service(i)));
  }
  for (int i = 0; i < file.message_type_count(); ++i) {
    collect_types(*file.message_type(i), model.type_paths);
  }
  for (int i = 0; i < file.enum_type_count(); ++i) {
    model.type_paths.push_back(file.enum_type(i)->name());
  }
  if (file.service_count() > 0) model.encoded_descriptor = encode(file);
  return model;
}

void check_file(const FileDescriptor& file, const SourceMap& source, Diagnostics& diagnostics) {
  if (file.service_count() == 0) return;
  if (file.package() == "echostream") {
    diagnostics.error(source.locate({FileDescriptorProto::kPackageFieldNumber}),
                      "package echostream belongs to EchoStream; choose a package of your own");
  }
  if (file.options().cc_generic_services()) {
    diagnostics.error(source.locate({FileDescriptorProto::kOptionsFieldNumber,
                                     google::protobuf::FileOptions::kCcGenericServicesFieldNumber}),
                      "cc_generic_services makes protoc generate classes with the names that "
                      "EchoStream's have; remove the option");
  }
}

/// Two methods with one number on the wire could not be told apart.
class IdRegister {
 public:
  void add(const MethodDescriptor& method, Diagnostics& diagnostics) {
    const MethodModel model = read_method(method);
    const Location where = locate(method);
    const auto [entry, is_new] = owners_.emplace(model.id, Owner{model.full_name, where});
    if (is_new) return;
    const bool is_explicit = echostream_options(method).has_id();
    diagnostics.error(where, "method " + method.name() + ": its id " + std::to_string(model.id) +
                                 (is_explicit ? "" : " (made from its name)") + " is the id of " +
                                 entry->second.full_name + " (" + to_string(entry->second.where) +
                                 ") as well; write another `id`");
  }

 private:
  struct Owner {
    std::string full_name;
    Location where;
  };
  std::map<std::uint64_t, Owner> owners_;
};

}  // namespace

std::vector<FileModel> build_models(const std::vector<const FileDescriptor*>& files,
                                    Diagnostics& diagnostics) {
  std::vector<FileModel> models;
  IdRegister ids;
  for (const FileDescriptor* file : files) {
    const SourceMap source(*file);
    check_file(*file, source, diagnostics);
    for (int i = 0; i < file->service_count(); ++i) {
      const ServiceDescriptor& service = *file->service(i);
      for (int j = 0; j < service.method_count(); ++j) {
        check_method(*service.method(j), source, diagnostics);
        ids.add(*service.method(j), diagnostics);
      }
    }
    models.push_back(read_file(*file));
  }
  return models;
}

}  // namespace echostream::compiler
