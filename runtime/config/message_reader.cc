#include "runtime/config/message_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "echostream/config_options.pb.h"

#include "runtime/config/scalar.h"

namespace echostream::internal {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// By either of its names in JSON, as protobuf does.
const FieldDescriptor* find_field(const Descriptor& message, const std::string& name,
                                  bool is_json) {
  const FieldDescriptor* field = message.FindFieldByName(name);
  for (int i = 0; field == nullptr && is_json && i < message.field_count(); ++i) {
    if (message.field(i)->json_name() == name) field = message.field(i);
  }
  return field;
}

bool is_free_object(const Descriptor& message) {
  return &message == google::protobuf::Struct::descriptor() ||
         &message == google::protobuf::Value::descriptor();
}

bool is_file_name(const FieldDescriptor& field) {
  return field.options().GetExtension(config::setting).file() || field.name().ends_with("_file");
}

std::string shown(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kNumber:
    case Value::Kind::kWord:
      return value.text.size() > 40 ? quoted(value.text) : value.text;
    case Value::Kind::kString:
    case Value::Kind::kText:
      return quoted(value.text);
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kObject:
      return "an object";
  }
  return {};
}

}  // namespace

std::string child_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::vector<std::string> field_names(const Descriptor& message) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(message.field_count()));
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

std::string unknown_field_hint(std::string_view name, const Descriptor& message) {
  const std::vector<std::string> names = field_names(message);
  const std::string meant = suggestion(name, names);
  return (meant.empty() ? "; fields" : meant + " Fields") + " here: " + joined(names);
}

void MessageReader::report(Place where, const std::string& path, std::string message) {
  problems_.add(source_.name, where, path, std::move(message));
}

void MessageReader::refuse(const Value& value, const std::string& path,
                           const std::string& expected) {
  report(value.place, path,
         (path.empty() ? "" : path + ": ") + shown(value) + " is not " + expected);
}

bool MessageReader::may_set(const Message& message, const FieldDescriptor& field, Place where,
                            const std::string& path) {
  const auto* oneof = field.real_containing_oneof();
  if (oneof == nullptr) return true;
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor* other = reflection.GetOneofFieldDescriptor(message, oneof);
  if (other == nullptr || other == &field) return true;
  report(where, path,
         quoted(field.name()) + " cannot stand beside " + quoted(other->name()) +
             "; give one of them");
  return false;
}

void MessageReader::read_message(const Value& value, Message& message, const std::string& path) {
  const Descriptor& type = *message.GetDescriptor();
  if (source_.is_json && is_free_object(type)) return read_free_object(value, message, path);
  if (value.kind != Value::Kind::kObject) return refuse(value, path, "an object, {...}");
  std::map<const FieldDescriptor*, Place> given;
  for (const Member& member : value.members) {
    const FieldDescriptor* field = find_field(type, member.name, source_.is_json);
    if (field == nullptr) {
      report(member.place, child_path(path, member.name),
             "unknown field " + quoted(member.name) + (path.empty() ? "" : " in " + path) +
                 unknown_field_hint(member.name, type));
      continue;
    }
    const std::string field_path = child_path(path, field->name());
    const auto [first, is_new] = given.emplace(field, member.place);
    if (!is_new && (source_.is_json || !field->is_repeated())) {
      report(member.place, field_path,
             field_path + " is given twice; first in line " + std::to_string(first->second.line));
      continue;
    }
    read_field(member.value, member.place, message, *field, field_path);
  }
}

void MessageReader::read_field(const Value& value, Place where, Message& message,
                               const FieldDescriptor& field, const std::string& path) {
  // As in protobuf's JSON: null means that it is not given.
  if (value.kind == Value::Kind::kNull &&
      field.message_type() != google::protobuf::Value::descriptor()) {
    return;
  }
  if (!may_set(message, field, where, path)) return;
  places_[path] = {source_.name, where};
  if (field.is_repeated() && source_.is_override) {
    message.GetReflection()->ClearField(&message, &field);
  }
  if (field.is_map()) return read_map(value, message, field, path);
  if (field.is_repeated()) return read_list(value, message, field, path);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return read_message(value, *message.GetReflection()->MutableMessage(&message, &field), path);
  }
  read_scalar(value, message, field, -1, path);
}

void MessageReader::read_list(const Value& value, Message& message, const FieldDescriptor& field,
                              const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  if (value.kind == Value::Kind::kList) {
    for (const Value& item : value.items) {
      const int index = reflection.FieldSize(message, &field);
      read_element(item, message, field, index, child_path(path, std::to_string(index)));
    }
    return;
  }
  // The text format, and overrides, give a single element without brackets.
  if (source_.is_json && value.kind != Value::Kind::kText) {
    return refuse(value, path, "a list, [...]");
  }
  const int index = reflection.FieldSize(message, &field);
  read_element(value, message, field, index, child_path(path, std::to_string(index)));
}

void MessageReader::read_element(const Value& value, Message& message, const FieldDescriptor& field,
                                 int index, const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  places_[path] = {source_.name, value.place};
  const bool is_new = index == reflection.FieldSize(message, &field);
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return read_scalar(value, message, field, is_new ? -1 : index, path);
  }
  Message* element = is_new ? reflection.AddMessage(&message, &field)
                            : reflection.MutableRepeatedMessage(&message, &field, index);
  read_message(value, *element, path);
}

void MessageReader::read_map(const Value& value, Message& message, const FieldDescriptor& field,
                             const std::string& path) {
  if (!source_.is_json) return read_list(value, message, field, path);
  if (value.kind != Value::Kind::kObject) return refuse(value, path, "an object, {...}");
  const Descriptor& entry_type = *field.message_type();
  std::set<std::string> keys;
  for (const Member& member : value.members) {
    const std::string entry_path = child_path(path, member.name);
    if (!keys.insert(member.name).second) {
      report(member.place, entry_path, entry_path + " is given twice");
      continue;
    }
    Message& entry = *message.GetReflection()->AddMessage(&message, &field);
    Value key;
    key.kind = Value::Kind::kText;
    key.text = member.name;
    key.place = member.place;
    read_scalar(key, entry, *entry_type.map_key(), -1, entry_path);
    read_field(member.value, member.place, entry, *entry_type.map_value(), entry_path);
  }
}

void MessageReader::read_free_object(const Value& value, Message& message,
                                     const std::string& path) {
  if (auto* any = dynamic_cast<google::protobuf::Value*>(&message)) {
    return read_free_value(value, *any, path);
  }
  if (value.kind != Value::Kind::kObject) return refuse(value, path, "an object, {...}");
  auto& fields = *dynamic_cast<google::protobuf::Struct&>(message).mutable_fields();
  fields.clear();
  for (const Member& member : value.members) {
    const std::string field_path = child_path(path, member.name);
    if (fields.contains(member.name)) {
      report(member.place, field_path, field_path + " is given twice");
      continue;
    }
    read_free_value(member.value, fields[member.name], field_path);
  }
}

void MessageReader::read_free_value(const Value& value, google::protobuf::Value& to,
                                    const std::string& path) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return to.set_null_value(google::protobuf::NULL_VALUE);
    case Value::Kind::kNumber: {
      const auto number = parse_real(value.text);
      if (!number) return refuse(value, path, "a number that can be kept");
      return to.set_number_value(*number);
    }
    case Value::Kind::kWord:
      return to.set_bool_value(value.text == "true");
    case Value::Kind::kString:
    case Value::Kind::kText:
      return to.set_string_value(value.text);
    case Value::Kind::kList:
      to.mutable_list_value();
      for (const Value& item : value.items) {
        read_free_value(item, *to.mutable_list_value()->add_values(), path);
      }
      return;
    case Value::Kind::kObject:
      return read_free_object(value, *to.mutable_struct_value(), path);
  }
}

// `index` is that of a list's element which exists; -1: a new one, or no list.
void MessageReader::read_scalar(const Value& value, Message& message, const FieldDescriptor& field,
                                int index, const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  // The setter for the field's type: of the single value, of a new element, of an old one.
  const auto put = [&](const auto& found, auto set, auto add, auto set_at) {
    if (!found) {
      std::string hint;
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        hint = suggestion(value.text, value_names(field));
      }
      return refuse(value, path, expected_text(field) + hint);
    }
    if (!field.is_repeated()) return (reflection.*set)(&message, &field, *found);
    if (index < 0) return (reflection.*add)(&message, &field, *found);
    (reflection.*set_at)(&message, &field, index, *found);
  };
  const bool is_json = source_.is_json;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(signed_number(value, is_json, field), &Reflection::SetInt32, &Reflection::AddInt32,
                 &Reflection::SetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return put(signed_number(value, is_json, field), &Reflection::SetInt64, &Reflection::AddInt64,
                 &Reflection::SetRepeatedInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(unsigned_number(value, is_json, field), &Reflection::SetUInt32,
                 &Reflection::AddUInt32, &Reflection::SetRepeatedUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(unsigned_number(value, is_json, field), &Reflection::SetUInt64,
                 &Reflection::AddUInt64, &Reflection::SetRepeatedUInt64);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(real_number(value, is_json, field), &Reflection::SetFloat, &Reflection::AddFloat,
                 &Reflection::SetRepeatedFloat);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(real_number(value, is_json, field), &Reflection::SetDouble, &Reflection::AddDouble,
                 &Reflection::SetRepeatedDouble);
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(truth(value, is_json), &Reflection::SetBool, &Reflection::AddBool,
                 &Reflection::SetRepeatedBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(choice(value, is_json, field), &Reflection::SetEnumValue,
                 &Reflection::AddEnumValue, &Reflection::SetRepeatedEnumValue);
    case FieldDescriptor::CPPTYPE_STRING: {
      auto found = text(value);
      if (found && is_file_name(field) && !found->empty() && found->front() != '/') {
        found->insert(0, source_.folder);
      }
      return put(found, &Reflection::SetString, &Reflection::AddString,
                 &Reflection::SetRepeatedString);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return refuse(value, path, expected_text(field));
  }
}

}  // namespace echostream::internal
