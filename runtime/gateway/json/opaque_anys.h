// For printing messages with a google.protobuf.Any of a type that nobody here knows: its bytes are
// shown in place of its fields.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/type_resolver.h>

#include <cstddef>
#include <set>
#include <string>

#include "echostream/base/bytes.h"

namespace echostream::gateway {

struct OpaqueAnys {
  /// The message, where each such Any holds a message with one field, `bytes value = 1`: what it
  /// held.
  std::string message;
  /// Of such Anys. None: there are none, or the bytes are no message of the type.
  std::set<std::string> urls;
};
/// `pool` has the types that are known. What would take more than `max_decoded_bytes` to decode,
/// the whole or what an Any holds, is left as it is.
OpaqueAnys with_opaque_anys(const google::protobuf::Descriptor& type, BytesView message,
                            const google::protobuf::DescriptorPool& pool,
                            std::size_t max_decoded_bytes);

/// Says of `urls` that they are such a message with one field, and asks `known` for others. Both
/// must outlive it.
class OpaqueResolver final : public google::protobuf::util::TypeResolver {
 public:
  OpaqueResolver(google::protobuf::util::TypeResolver& known, const std::set<std::string>& urls)
      : known_(known), urls_(urls) {}

  google::protobuf::util::Status ResolveMessageType(const std::string& url,
                                                    google::protobuf::Type* type) override;
  google::protobuf::util::Status ResolveEnumType(const std::string& url,
                                                 google::protobuf::Enum* type) override {
    return known_.ResolveEnumType(url, type);
  }

 private:
  google::protobuf::util::TypeResolver& known_;
  const std::set<std::string>& urls_;
};

}  // namespace echostream::gateway
