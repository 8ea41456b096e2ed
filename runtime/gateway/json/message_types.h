// The messages of services that a node serves, known by their descriptors: what a gateway needs to
// read and write them as JSON (protobuf's canonical mapping), without generated code of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/method.h"

namespace google::protobuf {
class Descriptor;
class DescriptorPool;
class MethodDescriptor;
}  // namespace google::protobuf

namespace echostream::gateway {

struct JsonLimits {
  /// Objects and arrays within each other. protobuf's own parser takes quadratic time and more on
  /// nested lists, so this is checked before it sees the text.
  std::size_t max_depth = 64;
  /// What one message may take when it is decoded (as Limits::max_decoded_bytes).
  std::size_t max_decoded_bytes = 32 * 1024 * 1024;
};

class MessageTypes {
 public:
  explicit MessageTypes(JsonLimits limits = {});
  ~MessageTypes();
  MessageTypes(const MessageTypes&) = delete;
  MessageTypes& operator=(const MessageTypes&) = delete;

  /// Learns the types of a service from ServiceInfo::file_descriptor; what it imports comes from
  /// files that were added before and from those that are linked into the program. Adding one twice
  /// does nothing. INVALID_ARGUMENT names the file and what is wrong.
  Status add(const ServiceInfo& service);
  /// The same for an encoded google.protobuf.FileDescriptorProto that somebody else has sent.
  Status add_file(std::string_view file_descriptor);

  /// Null when it is not known. "acme.v1.Robot/Grip"
  const google::protobuf::MethodDescriptor* find_method(std::string_view full_name) const;
  const google::protobuf::DescriptorPool& pool() const;

  /// INVALID_ARGUMENT says the line and column and what to write instead: bad JSON, an unknown
  /// field (with the nearest name), a value of the wrong kind. RESOURCE_EXHAUSTED: over a limit.
  Result<Buffer> from_json(const google::protobuf::Descriptor& type, std::string_view json) const;
  /// Lower camel case names; fields that have their default are left out unless `with_defaults`.
  /// INTERNAL when the bytes are not such a message.
  Result<std::string> to_json(const google::protobuf::Descriptor& type, BytesView message,
                              bool with_defaults = false) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::gateway
