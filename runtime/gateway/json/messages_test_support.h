// Types for the tests, as they come from strangers: encoded descriptors, made of .proto text.
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/status.h"

#include "runtime/gateway/json/message_types.h"

namespace echostream::gateway {

/// An encoded FileDescriptorProto called `name`; fails the test when the text is no .proto.
std::string descriptor_of(std::string_view name, std::string_view proto);

/// test.v1.All, which has a field of every kind, and what is around it. Fails the test when that
/// cannot be added.
void add_test_messages(MessageTypes& types);
const google::protobuf::Descriptor& test_type(const MessageTypes& types, std::string_view name);

}  // namespace echostream::gateway
