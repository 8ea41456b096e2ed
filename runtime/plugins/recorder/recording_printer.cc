#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <utility>

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
  Status error;
};

Status load(const RecordedChannel& channel, Schema& schema) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromString(channel.schema)) {
    return unusable(channel, "its schema is no FileDescriptorSet");
  }
  FirstError errors;
  for (const auto& file : files.file()) {
    if (schema.pool.BuildFileCollectingErrors(file, &errors) == nullptr) {
      return unusable(channel, "its schema: " + errors.text);
    }
  }
  const auto* type = schema.pool.FindMessageTypeByName(channel.schema_name);
  if (type == nullptr) {
    return unusable(channel, "its schema has no message " + channel.schema_name);
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
  auto [entry, is_new] = impl_->schemas.try_emplace(channel.schema_name);
  Schema& schema = entry->second;
  if (is_new) {
    schema.bytes = channel.schema;
    schema.error = load(channel, schema);
  }
  if (!schema.error.is_ok()) return schema.error;
  if (schema.bytes != channel.schema) {
    return unusable(channel, "the file has two schemas with the name " + channel.schema_name);
  }
  const std::unique_ptr<google::protobuf::Message> message(schema.prototype->New());
  google::protobuf::io::CodedInputStream in(data.data(), static_cast<int>(data.size()));
  in.SetRecursionLimit(kDeepest);
  if (!message->ParsePartialFromCodedStream(&in) || !in.ConsumedEntireMessage()) {
    return unusable(channel, "a message cannot be decoded as " + channel.schema_name);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(*message, &json, options);
  if (!printed.ok()) return unusable(channel, printed.ToString());
  return json;
}

}  // namespace echostream
