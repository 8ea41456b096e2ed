#include "runtime/gateway/json/opaque_anys.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <memory>
#include <vector>

#include "runtime/gateway/json/json_check.h"
#include "runtime/messages/decode_budget.h"

namespace echostream::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// As every parser has it.
constexpr int kMostNested = 100;

class Rewriter {
 public:
  Rewriter(const DescriptorPool& pool, std::size_t budget, std::set<std::string>& urls)
      : pool_(pool), budget_(budget), urls_(urls) {}

  /// Null when these are no such bytes, or would take too much.
  std::unique_ptr<Message> read(const Descriptor& type, BytesView bytes) {
    const auto scan = internal::scan_message(bytes, type, sizeof(void*), budget_);
    if (!scan.size || !scan.is_well_formed) return nullptr;
    std::unique_ptr<Message> message(factory_.GetPrototype(&type)->New());
    const bool is_read =
        message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
    return is_read ? std::move(message) : nullptr;
  }

  /// `depth` counts messages within each other, over the bounds of Anys.
  void rewrite(Message& message, int depth) {
    if (depth > kMostNested) return;
    if (message.GetDescriptor()->full_name() == "google.protobuf.Any") {
      rewrite_any(message, depth);
      return;
    }
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        rewrite(*reflection.MutableMessage(&message, field, &factory_), depth + 1);
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        rewrite(*reflection.MutableRepeatedMessage(&message, field, i), depth + 1);
      }
    }
  }

 private:
  void rewrite_any(Message& any, int depth) {
    const Reflection& reflection = *any.GetReflection();
    const auto field = [&](int number) { return any.GetDescriptor()->FindFieldByNumber(number); };
    const FieldDescriptor* value = field(google::protobuf::Any::kValueFieldNumber);
    const std::string url =
        reflection.GetString(any, field(google::protobuf::Any::kTypeUrlFieldNumber));
    const std::string bytes = reflection.GetString(any, value);
    if (url.empty()) return;  // it is no Any at all, which the printer says
    if (const Descriptor* type = find_type(pool_, url)) {
      const auto inner = read(*type, as_bytes(bytes));
      if (inner == nullptr) return;
      rewrite(*inner, depth + 1);
      reflection.SetString(&any, value, inner->SerializePartialAsString());
      return;
    }
    google::protobuf::BytesValue wrapped;
    wrapped.set_value(bytes);
    reflection.SetString(&any, value, wrapped.SerializeAsString());
    urls_.insert(url);
  }

  const DescriptorPool& pool_;
  const std::size_t budget_;
  std::set<std::string>& urls_;
  google::protobuf::DynamicMessageFactory factory_;
};

}  // namespace

OpaqueAnys with_opaque_anys(const Descriptor& type, BytesView message, const DescriptorPool& pool,
                            std::size_t max_decoded_bytes) {
  OpaqueAnys result;
  Rewriter rewriter(pool, max_decoded_bytes, result.urls);
  const auto whole = rewriter.read(type, message);
  if (whole == nullptr) return result;
  rewriter.rewrite(*whole, 0);
  result.message = whole->SerializePartialAsString();
  return result;
}

google::protobuf::util::Status OpaqueResolver::ResolveMessageType(const std::string& url,
                                                                  google::protobuf::Type* type) {
  if (!urls_.contains(url)) return known_.ResolveMessageType(url, type);
  // Not what the URL says: a printer would take well-known types for what they are not.
  type->set_name("echostream.Opaque");
  type->set_syntax(google::protobuf::SYNTAX_PROTO3);
  google::protobuf::Field& field = *type->add_fields();
  field.set_kind(google::protobuf::Field::TYPE_BYTES);
  field.set_cardinality(google::protobuf::Field::CARDINALITY_OPTIONAL);
  field.set_number(google::protobuf::BytesValue::kValueFieldNumber);
  field.set_name("value");
  field.set_json_name("value");
  return {};
}

}  // namespace echostream::gateway
