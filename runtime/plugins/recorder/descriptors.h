// Descriptors of the messages that generated code knows, as MCAP wants them.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

namespace echostream::recorder {

enum class MessageRole : bool { kRequest, kResponse };

/// The type of a method's messages ("acme.v1.Robot/Grip"); null for methods that no .pb.cc of this
/// program describes.
const google::protobuf::Descriptor* find_message_type(std::string_view method, MessageRole role);

/// An encoded FileDescriptorSet of the type's file and all that it imports, imports first.
std::string make_descriptor_set(const google::protobuf::Descriptor& type);

}  // namespace echostream::recorder
