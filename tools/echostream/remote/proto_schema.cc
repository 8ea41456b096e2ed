// A schema made of .proto files, as protoc-gen-echostream reads them.
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include <filesystem>
#include <set>
#include <utility>

#include "tools/echostream/remote/model_schema.h"
#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

namespace {

namespace fs = std::filesystem;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

class ErrorCollector final : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& what) override {
    if (!text.empty()) text += '\n';
    text += file;
    // Both count from 0; -1 means the file as a whole.
    if (line >= 0) text += ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
    text += ": " + what;
  }
  void AddWarning(const std::string&, int, int, const std::string&) override {}

  std::string text;
};

// With what it imports before it.
Status add_types(const FileDescriptor& file, std::set<std::string>& added, Schema& schema) {
  if (!added.insert(file.name()).second) return Status::ok();
  for (int i = 0; i < file.dependency_count(); ++i) {
    Status status = add_types(*file.dependency(i), added, schema);
    if (!status.is_ok()) return status;
  }
  FileDescriptorProto proto;
  file.CopyTo(&proto);
  return schema.types().add_file(proto.SerializeAsString());
}

// What the importer is to call the file: its path below the first folder that has it.
Result<std::string> virtual_name(google::protobuf::compiler::DiskSourceTree& tree,
                                 const std::string& path) {
  std::string name;
  std::string shadowing;
  using Mapping = google::protobuf::compiler::DiskSourceTree;
  switch (tree.DiskFileToVirtualFile(path, &name, &shadowing)) {
    case Mapping::SUCCESS:
      return name;
    case Mapping::SHADOWED:
      return Status(StatusCode::kInvalidArgument,
                    path + " is hidden by " + shadowing + ", which an earlier -I finds");
    case Mapping::CANNOT_OPEN:
      return Status(StatusCode::kNotFound, path + " cannot be opened");
    case Mapping::NO_MAPPING:
      break;
  }
  // Named as an import would name it.
  return path;
}

}  // namespace

Result<Schema> schema_from_protos(const std::vector<std::string>& files,
                                  const std::vector<std::string>& import_folders) {
  google::protobuf::compiler::DiskSourceTree tree;
  for (const std::string& folder : import_folders) tree.MapPath("", folder);
  for (const std::string& file : files) {
    if (import_folders.empty()) tree.MapPath("", fs::path(file).parent_path().string());
  }
  ErrorCollector errors;
  // echostream/options.proto and protobuf's own files are part of this program.
  google::protobuf::DescriptorPoolDatabase linked_in(
      *google::protobuf::DescriptorPool::generated_pool());
  google::protobuf::compiler::SourceTreeDescriptorDatabase database(&tree, &linked_in);
  database.RecordErrorsTo(&errors);
  google::protobuf::DescriptorPool pool(&database, database.GetValidationErrorCollector());
  std::vector<const FileDescriptor*> descriptors;
  for (const std::string& file : files) {
    auto name = virtual_name(tree, file);
    if (!name) return name.error();
    const FileDescriptor* descriptor = pool.FindFileByName(*name);
    if (descriptor == nullptr) {
      return Status(StatusCode::kInvalidArgument,
                    errors.text.empty() ? file + ": there is no such file" : errors.text);
    }
    descriptors.push_back(descriptor);
  }
  Schema schema;
  std::set<std::string> added;
  for (const FileDescriptor* file : descriptors) {
    if (Status status = add_types(*file, added, schema); !status.is_ok()) return status;
  }
  Status status = add_services(descriptors, schema);
  if (!status.is_ok()) return status;
  return schema;
}

}  // namespace echostream::tool
