#include "runtime/messages/decode_budget.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "runtime/messages/utf8.h"

namespace echostream::internal {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// What protobuf 3.21 and malloc take on a 64-bit machine, rounded up.
constexpr std::size_t kElement = 16;     // of an array that grows by doubling
constexpr std::size_t kString = 64;      // its object, its block and the pointer to it
constexpr std::size_t kMessage = 32;     // a message's block and the pointer to it
constexpr std::size_t kMapEntry = 128;   // a map's node with its key, and its place in a bucket
constexpr std::size_t kUnknown = 64;     // a field that the type does not have
constexpr std::size_t kLiteField = 256;  // see the header
constexpr std::size_t kSmall = 1024;
constexpr int kParsersDepth = 100;
constexpr int kMostDepth = 128;

enum WireType : std::uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kLength = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

/// Reads a message's bytes from front to back; nothing means that they are malformed.
class Cursor {
 public:
  /// `beyond` bytes follow `bytes` in memory: those of the messages around this one.
  Cursor(BytesView bytes, std::size_t beyond) : rest_(bytes), beyond_(beyond) {}
  bool empty() const { return rest_.empty(); }
  /// From here to the end of everything.
  BytesView all() const { return {rest_.data(), rest_.size() + beyond_}; }

  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
      value |= static_cast<std::uint64_t>(rest_[i] & 0x7f) << (7 * i);
      if (rest_[i] >= 0x80) continue;
      rest_ = rest_.subspan(i + 1);
      return value;
    }
    return std::nullopt;
  }
  std::optional<BytesView> take(std::uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const BytesView taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  BytesView rest_;
  std::size_t beyond_;
};

class Estimate {
 public:
  Estimate(const Message* message, std::size_t budget)
      : type_(message != nullptr ? message->GetDescriptor() : nullptr),
        message_(message),
        budget_(budget) {}
  Estimate(const Descriptor& type, std::size_t bytes_per_field, std::size_t budget)
      : type_(&type), bytes_per_field_(bytes_per_field), budget_(budget) {}

  MessageScan of(BytesView bytes) {
    Cursor in(bytes, 0);
    MessageScan scan;
    scan.is_well_formed = walk(in, type_, 0, 0);
    if (spent_ <= budget_) scan.size = spent_;
    return scan;
  }

 private:
  // These return false when there is no use in going on: malformed, or more than the budget.
  bool spend(std::size_t bytes) {
    spent_ += bytes;
    return spent_ <= budget_;
  }
  bool walk(Cursor& in, const Descriptor* type, std::uint32_t group, int depth);
  bool walk_field(Cursor& in, const FieldDescriptor* field, std::uint32_t tag, int depth);
  bool walk_bytes(BytesView bytes, std::size_t beyond, const FieldDescriptor* field, int depth);
  bool spend_message(const FieldDescriptor& field);
  std::size_t size_of(const Descriptor* type);
  static std::size_t packed_size(BytesView bytes, const FieldDescriptor& field);
  static const FieldDescriptor* find(const Descriptor* type, std::uint32_t number);

  const Descriptor* type_;            // null when it is not known
  const Message* message_ = nullptr;  // where messages are made to be decoded into
  std::size_t bytes_per_field_ = 0;
  const std::size_t budget_;
  std::size_t spent_ = 0;
  std::unordered_map<const Descriptor*, std::size_t> sizes_;
};

bool must_be_utf8(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_STRING &&
         field.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO3;
}

// Up to the end of the bytes, or of the group with that number. Without a type every field is one
// that is not known.
bool Estimate::walk(Cursor& in, const Descriptor* type, std::uint32_t group, int depth) {
  if (depth > (message_ != nullptr ? kMostDepth : kParsersDepth)) return false;
  const bool is_value = message_ == nullptr && type != nullptr &&
                        type->well_known_type() == Descriptor::WELLKNOWNTYPE_VALUE;
  for (int fields = 1; !in.empty(); ++fields) {
    if (is_value && fields > 1) return false;
    const auto read = in.varint();
    if (!read) return false;
    // As parsers do: what is beyond 32 bits is not there.
    const auto tag = static_cast<std::uint32_t>(*read);
    if (tag >> 3 == 0) return false;
    if ((tag & 7) == kEndGroup) return tag >> 3 == group;
    if (!walk_field(in, find(type, tag >> 3), tag, depth)) return false;
  }
  return group == 0;
}

bool Estimate::walk_field(Cursor& in, const FieldDescriptor* field, std::uint32_t tag, int depth) {
  switch (tag & 7) {
    case kVarint:
      return in.varint() && spend(field != nullptr ? kElement : kUnknown);
    case kFixed64:
      return in.take(8) && spend(field != nullptr ? kElement : kUnknown);
    case kFixed32:
      return in.take(4) && spend(field != nullptr ? kElement : kUnknown);
    case kLength: {
      const auto size = in.varint();
      if (!size) return false;
      if (const auto bytes = in.take(*size)) {
        return walk_bytes(*bytes, in.all().size(), field, depth);
      }
      // Longer than what it is in: parsers find out after they have read it, up to the end of all.
      const BytesView all = in.all();
      const std::size_t most = std::min<std::uint64_t>(*size, all.size());
      (void)walk_bytes(all.first(most), all.size() - most, field, depth);
      return false;
    }
    case kStartGroup: {
      const bool is_known = field != nullptr && field->type() == FieldDescriptor::TYPE_GROUP;
      const Descriptor* type = is_known ? field->message_type() : nullptr;
      return (is_known ? spend_message(*field) : spend(kUnknown)) &&
             walk(in, type, tag >> 3, depth + 1);
    }
    default:
      return false;
  }
}

bool Estimate::walk_bytes(BytesView bytes, std::size_t beyond, const FieldDescriptor* field,
                          int depth) {
  if (field == nullptr) return spend(type_ != nullptr ? kUnknown + kString : kLiteField);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      if (field->type() == FieldDescriptor::TYPE_GROUP) return spend(kUnknown + kString);
      Cursor inner(bytes, beyond);
      return spend_message(*field) && walk(inner, field->message_type(), 0, depth + 1);
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return spend(kString) &&
             (message_ != nullptr || !must_be_utf8(*field) || is_utf8(as_text(bytes)));
    default:
      return spend(field->is_packable() ? packed_size(bytes, *field) : kUnknown + kString);
  }
}

// Numbers of variable size have at least a byte each, and their array grows by doubling.
std::size_t Estimate::packed_size(BytesView bytes, const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_SINT64:
    case FieldDescriptor::TYPE_ENUM:  // values that a proto2 enum does not have are unknown fields
      return bytes.size() * 16;
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_SINT32:
      return bytes.size() * 8;
    case FieldDescriptor::TYPE_BOOL:
      return bytes.size() * 2;
    default:
      return kElement;
  }
}

bool Estimate::spend_message(const FieldDescriptor& field) {
  if (!field.is_map()) return spend(kMessage + size_of(field.message_type()));
  // Entries are messages in name only. The value lies in the node, also when it did not come.
  const FieldDescriptor* value = field.message_type()->map_value();
  const bool is_message = value->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  return spend(kMapEntry + (is_message ? size_of(value->message_type()) : 0));
}

std::size_t Estimate::size_of(const Descriptor* type) {
  const auto [slot, is_new] = sizes_.try_emplace(type, 0);
  if (is_new) {
    if (message_ != nullptr) {
      auto* factory = message_->GetReflection()->GetMessageFactory();
      slot->second = factory->GetPrototype(type)->SpaceUsedLong();
    } else {
      slot->second = bytes_per_field_ * static_cast<std::size_t>(type->field_count());
    }
  }
  return slot->second;
}

const FieldDescriptor* Estimate::find(const Descriptor* type, std::uint32_t number) {
  if (type == nullptr || number > FieldDescriptor::kMaxNumber) return nullptr;
  const int n = static_cast<int>(number);
  const FieldDescriptor* field = type->FindFieldByNumber(n);
  if (field != nullptr || !type->IsExtensionNumber(n)) return field;
  return type->file()->pool()->FindExtensionByNumber(type, n);
}

}  // namespace

std::optional<std::size_t> decoded_size(BytesView bytes,
                                        const google::protobuf::MessageLite& message,
                                        std::size_t budget) {
  if (bytes.size() < kSmall) return 0;
  return Estimate(dynamic_cast<const Message*>(&message), budget).of(bytes).size;
}

MessageScan scan_message(BytesView bytes, const Descriptor& type, std::size_t bytes_per_field,
                         std::size_t budget) {
  return Estimate(type, bytes_per_field, budget).of(bytes);
}

}  // namespace echostream::internal
