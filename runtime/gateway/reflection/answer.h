// What a request of gRPC's server reflection protocol is answered with. Its two versions differ in
// the package's name only, so both are made of one template.
#pragma once

#include <google/protobuf/descriptor.h>

#include <set>
#include <string>
#include <vector>

#include "echostream/base/status.h"

#include "runtime/gateway/reflection/served_types.h"
#include "runtime/messages/spelling.h"

namespace echostream::internal {

/// Answers the requests of one stream.
template <class Request, class Response>
class ReflectionAnswers {
 public:
  explicit ReflectionAnswers(ServedTypes& types) : types_(types) {}

  Response answer(const Request& request) {
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    const std::vector<const ServiceInfo*> services = types_.refresh();
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        add_file(types_.pool().FindFileByName(request.file_by_filename()),
                 "file " + quoted(request.file_by_filename()), response);
        break;
      case Request::kFileContainingSymbol:
        add_file(types_.pool().FindFileContainingSymbol(request.file_containing_symbol()),
                 "symbol " + quoted(request.file_containing_symbol()), response);
        break;
      case Request::kFileContainingExtension:
        add_extension(request.file_containing_extension(), response);
        break;
      case Request::kAllExtensionNumbersOfType:
        add_extension_numbers(request.all_extension_numbers_of_type(), response);
        break;
      case Request::kListServices:
        for (const ServiceInfo* service : services) {
          response.mutable_list_services_response()->add_service()->set_name(
              std::string(service->full_name));
        }
        break;
      case Request::MESSAGE_REQUEST_NOT_SET:
        refuse(StatusCode::kInvalidArgument, "the request asks for nothing that is known here",
               response);
        break;
    }
    return response;
  }

 private:
  using File = google::protobuf::FileDescriptor;

  static void refuse(StatusCode code, std::string message, Response& response) {
    response.mutable_error_response()->set_error_code(static_cast<int>(code));
    response.mutable_error_response()->set_error_message(std::move(message));
  }
  static void refuse_unknown(const std::string& what, Response& response) {
    refuse(StatusCode::kNotFound, "no service of this node has to do with the " + what, response);
  }

  // The file itself each time, for who asks for it waits for it; first, as tools expect it.
  void add_file(const File* file, const std::string& what, Response& response) {
    if (file == nullptr) return refuse_unknown(what, response);
    auto& files = *response.mutable_file_descriptor_response();
    files.add_file_descriptor_proto(types_.encoded(*file));
    sent_.insert(file->name());
    ServedTypes::Files imports;
    for (int i = 0; i < file->dependency_count(); ++i) {
      add_with_imports(*file->dependency(i), sent_, imports);
    }
    for (const File* import : imports) files.add_file_descriptor_proto(types_.encoded(*import));
  }

  template <class ExtensionRequest>
  void add_extension(const ExtensionRequest& request, Response& response) {
    const auto* type = types_.pool().FindMessageTypeByName(request.containing_type());
    const google::protobuf::FieldDescriptor* extension = nullptr;
    if (type != nullptr) {
      extension = types_.pool().FindExtensionByNumber(type, request.extension_number());
    }
    add_file(extension != nullptr ? extension->file() : nullptr,
             "extension " + std::to_string(request.extension_number()) + " of " +
                 quoted(request.containing_type()),
             response);
  }

  void add_extension_numbers(const std::string& name, Response& response) {
    const auto* type = types_.pool().FindMessageTypeByName(name);
    if (type == nullptr) return refuse_unknown("message " + quoted(name), response);
    std::vector<const google::protobuf::FieldDescriptor*> extensions;
    types_.pool().FindAllExtensions(type, &extensions);
    auto& numbers = *response.mutable_all_extension_numbers_response();
    numbers.set_base_type_name(name);
    for (const auto* extension : extensions) numbers.add_extension_number(extension->number());
  }

  ServedTypes& types_;
  std::set<std::string> sent_;  // names of files; no more than there are
};

}  // namespace echostream::internal
