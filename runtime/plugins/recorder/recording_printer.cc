#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <utility>
#include <vector>

#include "echostream/plugins/recording.h"

namespace echostream {
namespace {

// Messages within messages; JSON is printed by a function that calls itself.
constexpr int kDeepest = 64;

// The reasons for a bad descriptor go into the status, not to stderr.
class FirstError final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    if (text.empty()) text = file + ": " + element + ": " + message;
  }
  std::string text;
};

Status unusable(const RecordedChannel& channel, const std::string& reason) {
  return {StatusCode::kInvalidArgument, channel.topic + ": " + reason};
}

// The types of one FileDescriptorSet.
struct Schema {
  std::string bytes;
  google::protobuf::DescriptorPool pool;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory;
  const google::protobuf::Message* prototype = nullptr;
  /// Null when it has none.
  const google::protobuf::Descriptor* any = nullptr;
  Status error;
};

// Whether a file's google.protobuf.Any is what the JSON printer takes it for.
bool is_any(const google::protobuf::Descriptor& type) {
  const auto has = [&](int number, const char* name, google::protobuf::FieldDescriptor::Type kind) {
    const auto* field = type.FindFieldByNumber(number);
    return field != nullptr && field->name() == name && field->type() == kind &&
           !field->is_repeated();
  };
  return type.field_count() == 2 &&
         has(1, "type_url", google::protobuf::FieldDescriptor::TYPE_STRING) &&
         has(2, "value", google::protobuf::FieldDescriptor::TYPE_BYTES);
}

bool is_too_deep(const google::protobuf::Message& message, const Schema& schema, int left);

// What is in an Any is bytes to the parser; the JSON printer opens it, and calls itself without
// counting.
bool is_any_too_deep(const google::protobuf::Message& any, const Schema& schema, int left) {
  const auto& reflection = *any.GetReflection();
  const std::string url = reflection.GetString(any, schema.any->FindFieldByNumber(1));
  const std::string value = reflection.GetString(any, schema.any->FindFieldByNumber(2));
  const auto* type = schema.pool.FindMessageTypeByName(url.substr(url.rfind('/') + 1));
  if (type == nullptr) return false;  // the printer stops there
  const std::unique_ptr<google::protobuf::Message> message(
      schema.factory->GetPrototype(type)->New());
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(value.data()),
                                            static_cast<int>(value.size()));
  in.SetRecursionLimit(left);
  return !message->ParsePartialFromCodedStream(&in) || is_too_deep(*message, schema, left);
}

bool is_too_deep(const google::protobuf::Message& message, const Schema& schema, int left) {
  if (left == 0) return true;
  if (message.GetDescriptor() == schema.any) return is_any_too_deep(message, schema, left - 1);
  const auto& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->message_type() == nullptr) continue;
    if (!field->is_repeated()) {
      if (is_too_deep(reflection.GetMessage(message, field), schema, left - 1)) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const auto& one = reflection.GetRepeatedMessage(message, field, i);
      if (is_too_deep(one, schema, left - 1)) return true;
    }
  }
  return false;
}

Status load(const RecordedChannel& channel, Schema& schema) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromArray(channel.schema.data(), static_cast<int>(channel.schema.size()))) {
    return unusable(channel, "its schema is no FileDescriptorSet");
  }
  FirstError errors;
  for (const auto& file : files.file()) {
    if (schema.pool.BuildFileCollectingErrors(file, &errors) == nullptr) {
      return unusable(channel, "its schema: " + errors.text);
    }
  }
  const auto* type = schema.pool.FindMessageTypeByName(std::string(channel.schema_name));
  if (type == nullptr) {
    return unusable(channel, "its schema has no message " + std::string(channel.schema_name));
  }
  schema.any = schema.pool.FindMessageTypeByName("google.protobuf.Any");
  if (schema.any != nullptr && !is_any(*schema.any)) {
    return unusable(channel, "its schema has another google.protobuf.Any than everybody's");
  }
  schema.factory = std::make_unique<google::protobuf::DynamicMessageFactory>(&schema.pool);
  schema.prototype = schema.factory->GetPrototype(type);
  return Status::ok();
}

}  // namespace

struct RecordingPrinter::Impl {
  std::map<std::string, Schema> schemas;  // by the message's name
};

RecordingPrinter::RecordingPrinter() : impl_(std::make_unique<Impl>()) {}
RecordingPrinter::~RecordingPrinter() = default;

Result<std::string> RecordingPrinter::to_json(const RecordedChannel& channel, BytesView data) {
  if (channel.message_encoding == "json") return std::string(as_text(data));
  if (channel.message_encoding != "protobuf" || channel.schema_encoding != "protobuf") {
    return unusable(channel, "its messages are not protobuf with a schema");
  }
  auto [entry, is_new] = impl_->schemas.try_emplace(std::string(channel.schema_name));
  Schema& schema = entry->second;
  if (is_new) {
    schema.bytes = channel.schema;
    schema.error = load(channel, schema);
  }
  if (!schema.error.is_ok()) return schema.error;
  if (schema.bytes != channel.schema) {
    return unusable(channel,
                    "the file has two schemas with the name " + std::string(channel.schema_name));
  }
  const std::unique_ptr<google::protobuf::Message> message(schema.prototype->New());
  google::protobuf::io::CodedInputStream in(data.data(), static_cast<int>(data.size()));
  in.SetRecursionLimit(kDeepest);
  if (!message->ParsePartialFromCodedStream(&in) || !in.ConsumedEntireMessage()) {
    return unusable(channel, "a message cannot be decoded as " + std::string(channel.schema_name));
  }
  if (schema.any != nullptr && is_too_deep(*message, schema, kDeepest)) {
    return unusable(channel, "a message is nested too deeply");
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(*message, &json, options);
  if (!printed.ok()) return unusable(channel, printed.ToString());
  return json;
}

}  // namespace echostream
