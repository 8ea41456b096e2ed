// What must never be shown: in the effective configuration, and in messages about it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string_view>

namespace echostream::internal {

/// Marked so in the schema, or by its name: "token", "hmac_key", "password". Names of files that
/// hold secrets are none.
bool is_secret(const google::protobuf::FieldDescriptor& field);
bool is_secret_name(std::string_view name);
/// Replaces all of them by "(not shown)".
void hide_secrets(google::protobuf::Message& message);

}  // namespace echostream::internal
