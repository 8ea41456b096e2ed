#include "tools/echostream/remote/grpc_reflection.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "grpc/reflection/v1/reflection.pb.h"
#include "tools/echostream/remote/model_schema.h"
#include "tools/echostream/remote/read_message.h"

namespace echostream::tool {

namespace {

namespace v1 = grpc::reflection::v1;
using gateway::MessageTypes;
using google::protobuf::FileDescriptor;

// What a server may say; nobody serves that many.
constexpr int kMostListed = 10'000;

std::unique_ptr<SchemaMethod> reflection_method() {
  auto method = std::make_unique<SchemaMethod>();
  method->name = "ServerReflectionInfo";
  method->full_name = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  method->info.kind = MethodKind::kStream;
  method->info.client_streaming = true;
  method->info.server_streaming = true;
  bind_names(*method);
  return method;
}

Status error_of(const v1::ErrorResponse& error) {
  StatusCode code = status_code_from_wire(static_cast<std::uint64_t>(error.error_code()));
  if (code == StatusCode::kOk) code = StatusCode::kUnknown;
  return {code, error.error_message()};
}

// Asks for one thing after the other, on one stream.
class Questions {
 public:
  explicit Questions(std::unique_ptr<RemoteStream> stream) : stream_(std::move(stream)) {}

  Task<Result<v1::ServerReflectionResponse>> ask(v1::ServerReflectionRequest request) {
    // When this fails, the stream's own status says more.
    (void)co_await stream_->write(Buffer::copy(request.SerializeAsString()));
    auto answer = co_await stream_->next();
    if (!answer) {
      Status status = stream_->status();
      if (status.is_ok()) status = {StatusCode::kInternal, "it ended without an answer"};
      co_return status;
    }
    v1::ServerReflectionResponse response;
    Status read = read_message(answer->message, response);
    if (!read.is_ok()) co_return read;
    if (response.has_error_response()) co_return error_of(response.error_response());
    co_return std::move(response);
  }

 private:
  std::unique_ptr<RemoteStream> stream_;
};

// The files that came, and those that they import. Some servers send imports with a file, some have
// to be asked for each.
class Files {
 public:
  Status add(const v1::FileDescriptorResponse& response) {
    for (const std::string& bytes : response.file_descriptor_proto()) {
      File file;
      if (Status read = read_message(as_bytes(bytes), file.proto); !read.is_ok()) return read;
      bytes_ += bytes.size();
      if (files_.size() >= MessageTypes::kMaxFiles || bytes_ > MessageTypes::kMaxBytesOfAll) {
        return {StatusCode::kResourceExhausted, "it says more of its types than is taken"};
      }
      for (const std::string& import : file.proto.dependency()) wanted_.push_back(import);
      const std::string name = file.proto.name();
      file.bytes = bytes;
      files_.try_emplace(name, std::move(file));
    }
    return Status::ok();
  }

  /// One that is imported, and has not come; nothing when all have.
  std::optional<std::string> missing() {
    while (!wanted_.empty()) {
      std::string name = std::move(wanted_.back());
      wanted_.pop_back();
      const bool is_linked_in =
          google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name) != nullptr;
      if (!is_linked_in && files_.count(name) == 0 && asked_.insert(name).second) return name;
    }
    return std::nullopt;
  }

  /// Each after those that it imports. Whatever is missing or goes in circles is found there.
  Status add_to(MessageTypes& types) const {
    std::set<std::string> added;
    for (const auto& [name, file] : files_) {
      if (Status status = add_with_imports(name, added, types); !status.is_ok()) return status;
    }
    return Status::ok();
  }

 private:
  struct File {
    google::protobuf::FileDescriptorProto proto;
    std::string bytes;
  };

  // Without recursion: how deep imports go is up to the server.
  Status add_with_imports(const std::string& root, std::set<std::string>& added,
                          MessageTypes& types) const {
    struct Step {
      const File* file;
      int next_import;
    };
    std::vector<Step> steps;
    const auto enter = [&](const std::string& name) {
      const auto found = files_.find(name);
      if (found != files_.end() && added.insert(name).second) steps.push_back({&found->second, 0});
    };
    enter(root);
    while (!steps.empty()) {
      Step& step = steps.back();
      if (step.next_import < step.file->proto.dependency_size()) {
        enter(step.file->proto.dependency(step.next_import++));
        continue;
      }
      Status status = types.add_file(step.file->bytes);
      if (!status.is_ok()) return status.with_context("what it says of its types");
      steps.pop_back();
    }
    return Status::ok();
  }

  std::map<std::string, File> files_;
  std::vector<std::string> wanted_;
  std::set<std::string> asked_;
  std::size_t bytes_ = 0;
};

Task<Result<std::vector<std::string>>> list_services(Questions& questions) {
  v1::ServerReflectionRequest request;
  request.set_list_services("*");
  auto response = co_await questions.ask(std::move(request));
  if (!response) co_return response.error();
  const auto& listed = response->list_services_response();
  if (listed.service_size() > kMostListed) {
    co_return Status(StatusCode::kInternal, "it says that it serves more than anybody does");
  }
  std::vector<std::string> services;
  for (const auto& service : listed.service()) services.push_back(service.name());
  co_return services;
}

// Some list services that they know no descriptor of; those are left out.
Task<Status> collect(Questions& questions, const std::vector<std::string>& services, Files& files) {
  for (const std::string& service : services) {
    v1::ServerReflectionRequest request;
    request.set_file_containing_symbol(service);
    auto response = co_await questions.ask(std::move(request));
    if (!response && response.error().code() == StatusCode::kNotFound) continue;
    if (!response) co_return response.error();
    Status added = files.add(response->file_descriptor_response());
    if (!added.is_ok()) co_return added;
  }
  while (const auto name = files.missing()) {
    v1::ServerReflectionRequest request;
    request.set_file_by_filename(*name);
    auto response = co_await questions.ask(std::move(request));
    if (!response) co_return response.error().with_context(*name);
    Status added = files.add(response->file_descriptor_response());
    if (!added.is_ok()) co_return added;
  }
  co_return Status::ok();
}

// A file may have services that are not served.
void keep_only(const std::vector<std::string>& services, Schema& schema) {
  auto& all = schema.services();
  const std::set<std::string> served(services.begin(), services.end());
  const auto is_other = [&](const SchemaService& service) {
    return served.count(service.full_name) == 0;
  };
  all.erase(std::remove_if(all.begin(), all.end(), is_other), all.end());
}

Result<Schema> schema_of_files(const Files& files, const std::vector<std::string>& services) {
  Schema schema;
  if (Status status = files.add_to(schema.types()); !status.is_ok()) return status;
  std::vector<const FileDescriptor*> descriptors;
  std::set<const FileDescriptor*> seen;
  for (const std::string& service : services) {
    const auto* found = schema.types().pool().FindServiceByName(service);
    if (found != nullptr && seen.insert(found->file()).second) descriptors.push_back(found->file());
  }
  if (Status status = add_services(descriptors, schema); !status.is_ok()) return status;
  keep_only(services, schema);
  return schema;
}

}  // namespace

Task<Result<Schema>> grpc_reflected_schema(Remote& remote, std::vector<std::string> services) {
  const auto method = reflection_method();
  auto stream = co_await remote.open(*method, std::nullopt, CallOptions());
  Questions questions(std::move(stream));
  if (services.empty()) {
    auto listed = co_await list_services(questions);
    if (!listed) co_return listed.error();
    services = *std::move(listed);
  }
  Files files;
  Status collected = co_await collect(questions, services, files);
  if (!collected.is_ok()) co_return collected;
  co_return schema_of_files(files, services);
}

}  // namespace echostream::tool
