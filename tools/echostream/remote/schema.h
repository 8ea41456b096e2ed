// Services that are known from their descriptors: what a node says of itself, or .proto files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/method.h"

#include "runtime/gateway/json/message_types.h"

namespace echostream::tool {

/// Stays where it is: `info` looks into the strings beside it.
struct SchemaMethod {
  SchemaMethod() = default;
  SchemaMethod(const SchemaMethod&) = delete;
  SchemaMethod& operator=(const SchemaMethod&) = delete;

  std::string name;       // "Grip"
  std::string full_name;  // "acme.v1.Robot/Grip"
  std::string input_type;
  std::string output_type;
  std::string comment;
  std::string sync_group;
  MethodInfo info;
};

struct SchemaService {
  std::string full_name;  // "acme.v1.Robot"
  std::string comment;
  std::vector<std::unique_ptr<SchemaMethod>> methods;
};

class Schema {
 public:
  Schema();

  std::vector<SchemaService>& services() { return services_; }
  const std::vector<SchemaService>& services() const { return services_; }
  gateway::MessageTypes& types() { return *types_; }
  const gateway::MessageTypes& types() const { return *types_; }

  /// "acme.v1.Robot/Grip", "acme.v1.Robot.Grip", or "Robot/Grip" and "Grip" where only one method
  /// is called so. NOT_FOUND names those that are spelt alike; INVALID_ARGUMENT when several are
  /// meant.
  Result<const SchemaMethod*> find_method(std::string_view name) const;
  /// "acme.v1.Robot", or "Robot" where only one service is called so. NOT_FOUND; INVALID_ARGUMENT
  /// when several are meant.
  Result<const SchemaService*> find_service(std::string_view name) const;
  /// In full, each once.
  std::vector<std::string> types_of_methods() const;
  /// Services, methods and types that are spelt nearly like that, as a list; empty without any.
  std::string nearest_names(std::string_view name) const;

  /// JSON to the method's request and back. INTERNAL when the type is not known.
  Result<Buffer> request_from_json(const SchemaMethod& method, std::string_view json) const;
  Result<std::string> request_to_json(const SchemaMethod& method, BytesView message,
                                      bool with_defaults) const;
  Result<std::string> reply_to_json(const SchemaMethod& method, BytesView message,
                                    bool with_defaults) const;

 private:
  std::vector<SchemaService> services_;
  std::unique_ptr<gateway::MessageTypes> types_;
};

/// Makes the views of method.info look at its strings.
void bind_names(SchemaMethod& method);

/// What .proto files say; imports are found in `import_folders`, by default beside the files.
/// EchoStream's own options and protobuf's types need no folder. INVALID_ARGUMENT:
/// file:line:column and what is wrong; NOT_FOUND.
Result<Schema> schema_from_protos(const std::vector<std::string>& files,
                                  const std::vector<std::string>& import_folders);

}  // namespace echostream::tool
