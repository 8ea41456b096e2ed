// Goes through JSON once, beside the type that it is to become, before protobuf reads it: finds
// what is wrong with the line and column, which protobuf cannot tell, and what would cost more than
// it should.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string_view>

#include "echostream/base/status.h"

#include "runtime/gateway/json/message_types.h"

namespace echostream::gateway {

/// OK when protobuf may read it, though it may still refuse it. INVALID_ARGUMENT: `line 3, column
/// 7: robot.arms[1].nmae: there is no such field; did you mean "name"?`. RESOURCE_EXHAUSTED:
/// nested too deeply, or more inside an Any than may be held until its type is known.
/// `pool` has the types of Anys.
Status check_json(std::string_view json, const google::protobuf::Descriptor& type,
                  const google::protobuf::DescriptorPool& pool, const JsonLimits& limits);

/// What the URL of an Any stands for; null when `pool` does not know it.
const google::protobuf::Descriptor* find_type(const google::protobuf::DescriptorPool& pool,
                                              std::string_view url);

/// Of the URLs of types: "type.googleapis.com/acme.v1.Robot".
inline constexpr std::string_view kTypeHost = "type.googleapis.com";

}  // namespace echostream::gateway
