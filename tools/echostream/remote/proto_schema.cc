// A schema made of .proto files, as protoc-gen-echostream reads them.
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include <filesystem>
#include <set>
#include <utility>

#include "compiler/model/build_model.h"
#include "compiler/model/diagnostics.h"
#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

namespace {

namespace fs = std::filesystem;
using compiler::FileModel;
using compiler::JitterBufferModel;
using compiler::MethodModel;
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

std::chrono::milliseconds milliseconds(std::uint32_t count) {
  return std::chrono::milliseconds(count);
}

JitterBufferOptions jitter_buffer(const JitterBufferModel& model) {
  JitterBufferOptions options;
  options.enabled = true;
  switch (model.profile) {
    case compiler::PlayoutProfile::kBalanced:
      options.profile = PlayoutProfile::kBalanced;
      break;
    case compiler::PlayoutProfile::kLowLatency:
      options.profile = PlayoutProfile::kLowLatency;
      break;
    case compiler::PlayoutProfile::kStrict:
      options.profile = PlayoutProfile::kStrict;
      break;
  }
  switch (model.late_policy) {
    case compiler::LatePolicy::kAuto:
      options.late_policy = LatePolicy::kAuto;
      break;
    case compiler::LatePolicy::kSkip:
      options.late_policy = LatePolicy::kSkip;
      break;
    case compiler::LatePolicy::kWait:
      options.late_policy = LatePolicy::kWait;
      break;
  }
  options.min_delay = milliseconds(model.min_delay_ms);
  options.max_delay = milliseconds(model.max_delay_ms);
  options.initial_delay = milliseconds(model.initial_delay_ms);
  options.max_late_share = model.max_late_percent / 100;
  options.max_stretch = model.max_stretch_percent / 100;
  options.max_skew = milliseconds(model.max_skew_ms);
  return options;
}

MethodKind kind_of(compiler::MethodKind kind) {
  switch (kind) {
    case compiler::MethodKind::kRpc:
      return MethodKind::kRpc;
    case compiler::MethodKind::kEvent:
      return MethodKind::kEvent;
    case compiler::MethodKind::kPublished:
      return MethodKind::kPublished;
    case compiler::MethodKind::kStream:
      return MethodKind::kStream;
  }
  return MethodKind::kRpc;
}

Delivery delivery_of(compiler::Delivery delivery) {
  switch (delivery) {
    case compiler::Delivery::kReliable:
      return Delivery::kReliable;
    case compiler::Delivery::kExpiring:
      return Delivery::kExpiring;
    case compiler::Delivery::kDatagram:
      return Delivery::kDatagram;
  }
  return Delivery::kReliable;
}

std::string type_name(const compiler::TypeName& type) {
  return type.package.empty() ? type.path : type.package + "." + type.path;
}

std::unique_ptr<SchemaMethod> method_of(const MethodModel& model) {
  auto method = std::make_unique<SchemaMethod>();
  method->name = model.name;
  method->full_name = model.full_name;
  method->input_type = type_name(model.request);
  method->output_type = type_name(model.reply);
  method->comment = model.comment;
  method->sync_group = model.sync_group;
  MethodInfo& info = method->info;
  info.id = model.id;
  info.kind = kind_of(model.kind);
  info.client_streaming = model.client_streaming;
  info.server_streaming = model.server_streaming;
  info.idempotent = model.idempotent;
  info.delivery = delivery_of(model.delivery);
  info.slow_subscriber = model.slow_subscriber == compiler::SlowSubscriber::kDisconnect
                             ? SlowSubscriber::kDisconnect
                             : SlowSubscriber::kDropOldest;
  info.on_reconnect = model.on_reconnect == compiler::OnReconnect::kResume ? OnReconnect::kResume
                                                                           : OnReconnect::kEnd;
  info.priority = static_cast<std::uint8_t>(model.priority);
  info.keep_last = model.keep_last;
  info.max_queue = model.max_queue;
  info.deadline = milliseconds(model.deadline_ms);
  info.max_age = milliseconds(model.max_age_ms);
  if (model.jitter_buffer) info.jitter_buffer = jitter_buffer(*model.jitter_buffer);
  bind_names(*method);
  return method;
}

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
  compiler::Diagnostics diagnostics;
  const std::vector<FileModel> models = compiler::build_models(descriptors, diagnostics);
  if (!diagnostics.empty()) return Status(StatusCode::kInvalidArgument, diagnostics.to_string());
  Schema schema;
  std::set<std::string> added;
  for (const FileDescriptor* file : descriptors) {
    if (Status status = add_types(*file, added, schema); !status.is_ok()) return status;
  }
  for (const FileModel& file : models) {
    for (const auto& service : file.services) {
      SchemaService& known = schema.services().emplace_back();
      known.full_name = service.full_name;
      known.comment = service.comment;
      for (const MethodModel& method : service.methods) known.methods.push_back(method_of(method));
    }
  }
  return schema;
}

}  // namespace echostream::tool
