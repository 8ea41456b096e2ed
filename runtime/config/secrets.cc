#include "runtime/config/secrets.h"

#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "echostream/config_options.pb.h"

namespace echostream::internal {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kHidden = "(not shown)";

void hide_secrets(google::protobuf::Value& value);

void hide_secrets(google::protobuf::Struct& object) {
  for (auto& [name, value] : *object.mutable_fields()) {
    if (is_secret_name(name)) {
      value.set_string_value(kHidden);
    } else {
      hide_secrets(value);
    }
  }
}

void hide_secrets(google::protobuf::Value& value) {
  if (value.has_struct_value()) hide_secrets(*value.mutable_struct_value());
  if (value.has_list_value()) {
    for (auto& item : *value.mutable_list_value()->mutable_values()) hide_secrets(item);
  }
}

}  // namespace

bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 6> kFiles = {"file",   "files",     "path",
                                                      "folder", "directory", "env"};
  constexpr std::array<std::string_view, 11> kSecrets = {
      "secret", "secrets",  "token",      "tokens",      "key",          "keys",
      "bearer", "password", "passphrase", "credentials", "authorization"};
  const std::size_t underscore = name.rfind('_');
  const std::string_view last = underscore == name.npos ? name : name.substr(underscore + 1);
  const auto is_among = [](const auto& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  return !is_among(kFiles, last) && is_among(kSecrets, last);
}

bool is_secret(const FieldDescriptor& field) {
  if (field.options().GetExtension(config::setting).secret()) return true;
  // "keys" of our own fields are names, and "key" is one of a map's two.
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && is_secret_name(field.name()) &&
         !field.name().ends_with("key") && !field.name().ends_with("keys");
}

void hide_secrets(Message& message) {
  if (auto* object = dynamic_cast<google::protobuf::Struct*>(&message)) {
    return hide_secrets(*object);
  }
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> given;
  reflection.ListFields(message, &given);
  for (const FieldDescriptor* field : given) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 0;
    for (int i = 0; i < count; ++i) {
      if (is_message) hide_secrets(*reflection.MutableRepeatedMessage(&message, field, i));
      if (is_text && is_secret(*field)) {
        reflection.SetRepeatedString(&message, field, i, kHidden);
      }
    }
    if (field->is_repeated()) continue;
    if (is_message) hide_secrets(*reflection.MutableMessage(&message, field));
    if (is_text && is_secret(*field)) reflection.SetString(&message, field, kHidden);
  }
}

}  // namespace echostream::internal
