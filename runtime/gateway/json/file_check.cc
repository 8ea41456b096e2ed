#include "runtime/gateway/json/file_check.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/messages/spelling.h"
#include "runtime/messages/utf8.h"

namespace echostream::gateway {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;
using google::protobuf::UninterpretedOption;

constexpr std::size_t kLongestName = 1024;
// Pairs that protobuf compares in one file: a tenth of a second.
constexpr std::size_t kMostPairs = 20'000'000;

bool is_file_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName || !internal::is_utf8(name)) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

std::size_t count(int size) { return static_cast<std::size_t>(size); }

// Ranges are compared with each other, and with each field or value.
std::size_t pairs_of(const DescriptorProto& message) {
  const std::size_t ranges =
      count(message.reserved_range_size()) + count(message.extension_range_size());
  const std::size_t names = count(message.reserved_name_size());
  std::size_t pairs = ranges * (ranges + count(message.field_size())) +
                      names * (names + count(message.field_size()));
  return pairs;
}
std::size_t pairs_of(const EnumDescriptorProto& type) {
  const std::size_t ranges = count(type.reserved_range_size());
  const std::size_t names = count(type.reserved_name_size());
  return ranges * (ranges + count(type.value_size())) + names * (names + count(type.value_size()));
}

/// Looks at a file and everything in it; the depth is what the parser let through.
class FileWalk {
 public:
  /// What is wrong, or nothing.
  const char* walk(const Message& message) {
    if (message.GetDescriptor() == UninterpretedOption::descriptor()) {
      return "it has options that are not interpreted; send what protoc made of it";
    }
    if (const auto* type = dynamic_cast<const DescriptorProto*>(&message))
      pairs_ += pairs_of(*type);
    if (const auto* type = dynamic_cast<const EnumDescriptorProto*>(&message)) {
      pairs_ += pairs_of(*type);
    }
    if (pairs_ > kMostPairs) return "it has too many reserved or extension ranges";
    const auto* reflection = message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i) {
        if (const char* wrong = walk_value(message, *field, i)) return wrong;
      }
    }
    return nullptr;
  }

 private:
  const char* walk_value(const Message& message, const FieldDescriptor& field, int index) {
    const auto* reflection = message.GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return walk(field.is_repeated() ? reflection->GetRepeatedMessage(message, &field, index)
                                      : reflection->GetMessage(message, &field));
    }
    if (field.type() != FieldDescriptor::TYPE_STRING) return nullptr;
    std::string scratch;
    const std::string& text =
        field.is_repeated()
            ? reflection->GetRepeatedStringReference(message, &field, index, &scratch)
            : reflection->GetStringReference(message, &field, &scratch);
    return internal::is_utf8(text) ? nullptr : "it has text that is not UTF-8";
  }

  std::size_t pairs_ = 0;
};

}  // namespace

Status check_file(const FileDescriptorProto& file) {
  if (!is_file_name(file.name())) {
    return {StatusCode::kInvalidArgument,
            "a file is called " + internal::quoted(file.name()) +
                "; its name must be text of 1 to 1024 bytes without control characters"};
  }
  if (const char* wrong = FileWalk().walk(file)) {
    return {StatusCode::kInvalidArgument, internal::quoted(file.name()) + ": " + wrong};
  }
  return Status::ok();
}

}  // namespace echostream::gateway
