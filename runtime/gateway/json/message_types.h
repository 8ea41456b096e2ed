// The messages of services that a node serves, known by their descriptors: what a gateway needs to
// read and write them as JSON (protobuf's canonical mapping), without generated code of its own.
#pragma once

#include <cstddef>
#include <cstdint>
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
  /// Objects and arrays within each other; at most 90. protobuf's own parser takes quadratic time
  /// and more on nested lists, so this is checked before it sees the text.
  std::size_t max_depth = 64;
  /// What one message may take when it is decoded (as Limits::max_decoded_bytes).
  std::size_t max_decoded_bytes = 32 * 1024 * 1024;
};

/// What becomes of a google.protobuf.Any whose type is not known.
enum class UnknownAny : std::uint8_t {
  kRefuse,
  /// {"@type": "type.googleapis.com/acme.v1.Robot", "value": "its bytes in base64"}
  kShowBytes,
};

/// Not thread-safe while something is added; afterwards const functions are.
class MessageTypes {
 public:
  // Of files, which may come from strangers. More are refused.
  static constexpr std::size_t kMaxFiles = 2048;
  static constexpr std::size_t kMaxFileBytes = 2 * 1024 * 1024;
  static constexpr std::size_t kMaxBytesOfAll = 32 * 1024 * 1024;

  explicit MessageTypes(JsonLimits limits = {});
  ~MessageTypes();
  MessageTypes(const MessageTypes&) = delete;
  MessageTypes& operator=(const MessageTypes&) = delete;

  /// Learns the types of a service from ServiceInfo::file_descriptor; what it imports comes from
  /// files that were added before and from those that are linked into the program. Adding one twice
  /// does nothing. INVALID_ARGUMENT names the file and what is wrong; RESOURCE_EXHAUSTED: one of
  /// the limits above.
  Status add(const ServiceInfo& service);
  /// The same for an encoded google.protobuf.FileDescriptorProto that somebody else has sent. Its
  /// imports must have been added before it, unless they are linked into the program. A file whose
  /// linked version is in use already is left as it is.
  Status add_file(std::string_view file_descriptor);

  /// Null when it is not known. "acme.v1.Robot/Grip"
  const google::protobuf::MethodDescriptor* find_method(std::string_view full_name) const;
  /// What was added, what that imports, and protobuf's well-known types. It is never looked for
  /// anything else, so names that strangers ask for leave nothing behind in it.
  const google::protobuf::DescriptorPool& pool() const;

  /// INVALID_ARGUMENT says the line and column and what to write instead: bad JSON, an unknown
  /// field (with the nearest name), a value of the wrong kind. RESOURCE_EXHAUSTED: over a limit.
  /// Of google.protobuf.Any only the types of pool() are understood.
  Result<Buffer> from_json(const google::protobuf::Descriptor& type, std::string_view json) const;
  /// Lower camel case names; fields that have their default are left out unless `with_defaults`,
  /// and so are those that the type does not have, extensions and groups of proto2.
  /// INTERNAL when the bytes are not such a message; RESOURCE_EXHAUSTED when its JSON would take
  /// more than JsonLimits::max_decoded_bytes to make.
  Result<std::string> to_json(const google::protobuf::Descriptor& type, BytesView message,
                              bool with_defaults = false,
                              UnknownAny unknown = UnknownAny::kRefuse) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::gateway
