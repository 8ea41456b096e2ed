#include "compiler/model/message_changes.h"

#include <string>

#include "compiler/model/source_map.h"

namespace echostream::compiler {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string name_and_number(const FieldDescriptor& field) {
  return "field " + field.name() + " = " + std::to_string(field.number());
}

/// "optional" and no label are one on the wire.
std::string label_text(const FieldDescriptor& field) {
  if (field.is_map()) return "a map";
  if (field.is_repeated()) return "repeated";
  return field.is_required() ? "required" : "singular";
}

/// The numbers of the fields that share the field's oneof and exist in `other` too.
std::set<int> oneof_numbers(const FieldDescriptor& field, const Descriptor& other) {
  std::set<int> numbers;
  const auto* oneof = field.real_containing_oneof();
  if (oneof == nullptr) return numbers;
  for (int i = 0; i < oneof->field_count(); ++i) {
    const int number = oneof->field(i)->number();
    if (other.FindFieldByNumber(number) != nullptr) numbers.insert(number);
  }
  return numbers;
}

}  // namespace

void MessageComparer::compare(const Message& old_message, const Message& message) {
  waiting_.emplace_back(&old_message, &message);
  while (
      !waiting_.empty()) {  // a list, not recursion: messages may be nested as deep as a user likes
    const auto [before, now] = waiting_.back();
    waiting_.pop_back();
    if (seen_.emplace(before, now).second) compare_one(*before, *now);
  }
}

void MessageComparer::compare_one(const Message& old_message, const Message& message) {
  for (int i = 0; i < old_message.field_count(); ++i) {
    const Field& old_field = *old_message.field(i);
    const Field* field = message.FindFieldByNumber(old_field.number());
    if (field == nullptr) {
      report_removed(old_field, message);
    } else {
      compare_fields(old_field, *field);
    }
  }
  report_new_required(old_message, message);
}

void MessageComparer::report_removed(const Field& old_field, const Message& message) {
  const Field* renumbered = message.FindFieldByName(old_field.name());
  if (renumbered != nullptr) {
    diagnostics_.error(locate(*renumbered),
                       "field " + old_field.name() + " of " + message.full_name() +
                           " changed its number from " + std::to_string(old_field.number()) +
                           " to " + std::to_string(renumbered->number()) + "; change it back");
    return;
  }
  if (message.IsReservedNumber(old_field.number())) return;
  diagnostics_.error(
      locate(message),
      name_and_number(old_field) + " of " + message.full_name() +
          " was removed, so its number could be used again for something else; write "
          "`reserved " +
          std::to_string(old_field.number()) + ";`");
}

void MessageComparer::report_new_required(const Message& old_message, const Message& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    const Field& field = *message.field(i);
    if (!field.is_required() || old_message.FindFieldByNumber(field.number()) != nullptr) continue;
    diagnostics_.error(
        locate(field),
        name_and_number(field) + " of " + message.full_name() +
            " is new and required, but older nodes do not send it; make it optional");
  }
}

void MessageComparer::compare_fields(const Field& old_field, const Field& field) {
  const std::string old_label = label_text(old_field);
  const std::string label = label_text(field);
  if (old_label != label) {
    diagnostics_.error(locate(field), name_and_number(field) + " of " +
                                          field.containing_type()->full_name() + " was " +
                                          old_label + " and is now " + label +
                                          "; change it back, or add a new field");
    return;
  }
  if (field.is_map()) {
    const Message& old_entry = *old_field.message_type();
    const Message& entry = *field.message_type();
    compare_map_part(field, "key", *old_entry.map_key(), *entry.map_key());
    compare_map_part(field, "value", *old_entry.map_value(), *entry.map_value());
  } else {
    compare_types(old_field, field);
  }
  compare_oneofs(old_field, field);
}

void MessageComparer::compare_types(const Field& old_field, const Field& field) {
  if (old_field.type() != field.type()) {
    diagnostics_.error(locate(field),
                       name_and_number(field) + " of " + field.containing_type()->full_name() +
                           " changed its type from " + old_field.type_name() + " to " +
                           field.type_name() + "; change it back, or add a new field");
    return;
  }
  compare_content(old_field, field);
}

/// Reported at the map: the fields of its hidden entry type have no place in the file.
void MessageComparer::compare_map_part(const Field& map, const char* part, const Field& old_part,
                                       const Field& now) {
  if (old_part.type() != now.type()) {
    diagnostics_.error(locate(map), "map " + map.name() + " = " + std::to_string(map.number()) +
                                        " of " + map.containing_type()->full_name() +
                                        " changed its " + part + " type from " +
                                        old_part.type_name() + " to " + now.type_name() +
                                        "; change it back, or add a new field");
    return;
  }
  compare_content(old_part, now);
}

/// A type that was only renamed has the same bytes, so what counts is what it contains.
void MessageComparer::compare_content(const Field& old_field, const Field& field) {
  if (field.message_type() != nullptr) {
    waiting_.emplace_back(old_field.message_type(), field.message_type());
  }
  if (field.enum_type() != nullptr) compare_enums(*old_field.enum_type(), *field.enum_type());
}

void MessageComparer::compare_oneofs(const Field& old_field, const Field& field) {
  const Message& old_message = *old_field.containing_type();
  const Message& message = *field.containing_type();
  std::set<int> before = oneof_numbers(old_field, message);
  std::set<int> now = oneof_numbers(field, old_message);
  before.erase(field.number());
  now.erase(field.number());
  if (before == now) return;
  diagnostics_.error(
      locate(field),
      name_and_number(field) + " of " + message.full_name() +
          " shares a oneof with other fields than before, so that setting one clears "
          "others at one end only; change it back, or add a new field");
}

void MessageComparer::compare_enums(const Enum& old_enum, const Enum& now) {
  if (!seen_.emplace(&old_enum, &now).second) return;
  for (int i = 0; i < old_enum.value_count(); ++i) {
    const auto& old_value = *old_enum.value(i);
    if (now.FindValueByNumber(old_value.number()) != nullptr) continue;
    if (now.IsReservedNumber(old_value.number())) continue;
    diagnostics_.error(
        locate(now),
        "value " + old_value.name() + " = " + std::to_string(old_value.number()) + " of " +
            now.full_name() +
            " was removed, so its number could be used again for something else; write "
            "`reserved " +
            std::to_string(old_value.number()) + ";`");
  }
}

}  // namespace echostream::compiler
