// Which changes of a message break the wire, through everything that it contains.
#pragma once

#include <google/protobuf/descriptor.h>

#include <set>
#include <utility>
#include <vector>

#include "compiler/model/diagnostics.h"

namespace echostream::compiler {

/// Compares pairs of messages, each pair once.
class MessageComparer {
 public:
  explicit MessageComparer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void compare(const google::protobuf::Descriptor& old_message,
               const google::protobuf::Descriptor& message);

 private:
  using Field = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Descriptor;
  using Enum = google::protobuf::EnumDescriptor;

  void compare_one(const Message& old_message, const Message& message);
  void compare_fields(const Field& old_field, const Field& field);
  void compare_types(const Field& old_field, const Field& field);
  void compare_content(const Field& old_field, const Field& field);
  void compare_map_part(const Field& map, const char* part, const Field& old_part,
                        const Field& now);
  void compare_oneofs(const Field& old_field, const Field& field);
  void compare_enums(const Enum& old_enum, const Enum& now);
  void report_removed(const Field& old_field, const Message& message);
  void report_new_required(const Message& old_message, const Message& message);

  Diagnostics& diagnostics_;
  std::set<std::pair<const void*, const void*>> seen_;
  std::vector<std::pair<const Message*, const Message*>> waiting_;
};

}  // namespace echostream::compiler
