#include "runtime/gateway/json/json_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gateway/json/scalar_check.h"
#include "runtime/messages/json_scanner.h"
#include "runtime/messages/spelling.h"

namespace echostream::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using internal::JsonScalar;
using internal::Place;
using internal::quoted;

constexpr int kMostSuggestedFields = 256;  // names that a wrong one is compared with
// Binary parsers stop at 100, and each level of a Value takes three.
constexpr std::size_t kMostDepth = 90;
// What protobuf keeps for each value of an Any whose "@type" has not come yet.
constexpr std::size_t kHeldValueBytes = 256;

/// What a value is to become.
struct Target {
  enum class Form : std::uint8_t {
    kFree,    // anything
    kSingle,  // one message or scalar
    kList,    // of a repeated field
    kMap,
  };
  Form form = Form::kFree;
  const Descriptor* message = nullptr;     // kSingle: null for a scalar
  const FieldDescriptor* field = nullptr;  // null for the whole
  bool is_element = false;                 // of a list or map
};

/// An object or list that the scan is in.
struct Level {
  enum class Kind : std::uint8_t { kMessage, kAny, kList, kMap, kFree };
  Kind kind = Kind::kFree;
  bool is_held = false;                    // inside an Any whose type is not known yet
  const Descriptor* type = nullptr;        // kMessage
  const FieldDescriptor* field = nullptr;  // kMessage: the member that comes; otherwise of elements
  std::string name;                        // of the member or key that comes
  std::size_t size = 0;                    // kList, kAny: what has come
  std::vector<bool> seen;                  // kMessage: fields by their index, once there is one
  std::vector<const OneofDescriptor*> oneofs;
};

const FieldDescriptor* find_field(const Descriptor& type, const std::string& name) {
  if (const FieldDescriptor* field = type.FindFieldByCamelcaseName(name)) {
    if (field->json_name() == name) return field;
  }
  if (const FieldDescriptor* field = type.FindFieldByName(name)) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

bool takes_null(const Target& target) {
  if (target.form == Target::Form::kFree) return true;
  if (target.message != nullptr &&
      target.message->well_known_type() == Descriptor::WELLKNOWNTYPE_VALUE) {
    return true;
  }
  const FieldDescriptor* field = target.field;
  const bool is_null_enum = field != nullptr && field->enum_type() != nullptr &&
                            field->enum_type()->full_name() == "google.protobuf.NullValue";
  return is_null_enum || (field != nullptr && !target.is_element);
}

class JsonCheck final : public internal::JsonHandler {
 public:
  JsonCheck(const Descriptor& type, const DescriptorPool& pool, const JsonLimits& limits)
      : type_(type), pool_(pool), limits_(limits) {}

  const Status& status() const { return status_; }

  bool on_scalar(Place place, JsonScalar kind, std::string text) override;
  bool on_begin(Place place, char bracket) override;
  bool on_end(Place) override {
    levels_.pop_back();
    return true;
  }
  bool on_name(Place place, std::string name) override;
  bool on_problem(Place place, std::string message) override {
    const bool is_deep = message.starts_with("nested");
    return refuse_at(place, message,
                     is_deep ? StatusCode::kResourceExhausted : StatusCode::kInvalidArgument);
  }

 private:
  bool refuse(Place place, const std::string& message,
              StatusCode code = StatusCode::kInvalidArgument);
  bool refuse_at(Place place, const std::string& message, StatusCode code);
  std::string path() const;
  Target next_target();
  bool take_member(Place place, const Target& target);
  bool hold(Place place, std::size_t bytes);
  bool begin_message(Place place, char bracket, const Target& target);
  bool on_member_name(Place place, Level& level);
  bool on_any_name(Level& level);
  bool on_any_type(Place place, JsonScalar kind, const std::string& url);
  bool check_single(Place place, JsonScalar kind, const std::string& text, const Target& target);
  Level& push(Level::Kind kind) {
    const bool is_held = !levels_.empty() && levels_.back().is_held;
    Level& level = levels_.emplace_back();
    level.kind = kind;
    level.is_held = is_held;
    return level;
  }

  const Descriptor& type_;
  const DescriptorPool& pool_;
  const JsonLimits& limits_;
  std::vector<Level> levels_;
  std::size_t held_ = 0;
  Status status_;
};

// Always false, for `return refuse(...)`.
bool JsonCheck::refuse(Place place, const std::string& message, StatusCode code) {
  const std::string where = path();
  return refuse_at(place, (where.empty() ? "" : where + ": ") + message, code);
}

bool JsonCheck::refuse_at(Place place, const std::string& message, StatusCode code) {
  status_ = Status(code, "line " + std::to_string(place.line) + ", column " +
                             std::to_string(place.column) + ": " + message);
  return false;
}

// "robot.arms[1].name".
std::string JsonCheck::path() const {
  std::string out;
  for (const Level& level : levels_) {
    if (level.kind == Level::Kind::kList) {
      if (level.size > 0) out += "[" + std::to_string(level.size - 1) + "]";
    } else if (level.kind == Level::Kind::kMap) {
      if (!level.name.empty()) out += "[" + quoted(level.name) + "]";
    } else if (level.field != nullptr) {
      out += (out.empty() ? "" : ".") + level.field->json_name();
    }
  }
  return out;
}

Target JsonCheck::next_target() {
  Target target;
  if (levels_.empty()) {
    target.form = Target::Form::kSingle;
    target.message = &type_;
    return target;
  }
  Level& level = levels_.back();
  if (level.kind == Level::Kind::kFree || level.kind == Level::Kind::kAny) return target;
  target.field = level.field;
  target.message = level.field->message_type();
  target.form = Target::Form::kSingle;
  target.is_element = level.kind != Level::Kind::kMessage;
  if (level.kind == Level::Kind::kList) ++level.size;
  if (level.kind == Level::Kind::kMessage && level.field->is_repeated()) {
    target.form = level.field->is_map() ? Target::Form::kMap : Target::Form::kList;
  }
  return target;
}

// The member of a message has a value that is not null: of a oneof there is one.
bool JsonCheck::take_member(Place place, const Target& target) {
  if (target.field == nullptr || target.is_element) return true;
  const OneofDescriptor* oneof = target.field->real_containing_oneof();
  if (oneof == nullptr) return true;
  auto& taken = levels_.back().oneofs;
  if (std::find(taken.begin(), taken.end(), oneof) != taken.end()) {
    return refuse(place, "another field of the oneof " + quoted(oneof->name()) +
                             " was given before; leave one of them out");
  }
  taken.push_back(oneof);
  return true;
}

bool JsonCheck::hold(Place place, std::size_t bytes) {
  if (levels_.empty() || !levels_.back().is_held) return true;
  held_ += kHeldValueBytes + bytes;
  if (held_ <= limits_.max_decoded_bytes) return true;
  return refuse(place, "too much stands before the \"@type\" of this Any; write that first",
                StatusCode::kResourceExhausted);
}

bool JsonCheck::on_begin(Place place, char bracket) {
  if (!hold(place, 0)) return false;
  const Target target = next_target();
  if (!take_member(place, target)) return false;
  switch (target.form) {
    case Target::Form::kFree:
      if (levels_.back().kind == Level::Kind::kAny) {
        return refuse(place, "\"@type\" is text like \"type.googleapis.com/acme.v1.Robot\"");
      }
      push(Level::Kind::kFree);
      return true;
    case Target::Form::kList:
      if (bracket != '[') return refuse(place, "a list was expected: [ ... ]");
      push(Level::Kind::kList).field = target.field;
      return true;
    case Target::Form::kMap:
      if (bracket != '{') return refuse(place, "a map was expected: { \"key\": ... }");
      push(Level::Kind::kMap).field = target.field->message_type()->map_value();
      return true;
    case Target::Form::kSingle:
      break;
  }
  if (target.message != nullptr) return begin_message(place, bracket, target);
  return refuse(place, std::string("one value was expected, not ") +
                           (bracket == '[' ? "a list" : "an object"));
}

bool JsonCheck::begin_message(Place place, char bracket, const Target& target) {
  const bool is_object = bracket == '{';
  switch (target.message->well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_VALUE:
      push(Level::Kind::kFree);
      return true;
    case Descriptor::WELLKNOWNTYPE_LISTVALUE:
      if (is_object) return refuse(place, "a list was expected: [ ... ]");
      push(Level::Kind::kFree);
      return true;
    case Descriptor::WELLKNOWNTYPE_STRUCT:
      if (!is_object) break;
      push(Level::Kind::kFree);
      return true;
    case Descriptor::WELLKNOWNTYPE_ANY:
      if (!is_object) break;
      push(Level::Kind::kAny);
      return true;
    case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
      if (!is_object) break;
      push(Level::Kind::kMessage).type = target.message;
      return true;
    case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
    case Descriptor::WELLKNOWNTYPE_DURATION:
    case Descriptor::WELLKNOWNTYPE_FIELDMASK:
      return refuse(place, check_time_text(*target.message, JsonScalar::kWord,
                                           is_object ? "an object" : "a list"));
    default:  // wrappers
      return refuse(place, std::string("the value itself was expected, not ") +
                               (is_object ? "an object" : "a list"));
  }
  return refuse(place, "an object was expected: { ... }");
}

bool JsonCheck::on_name(Place place, std::string name) {
  Level& level = levels_.back();
  level.name = std::move(name);
  switch (level.kind) {
    case Level::Kind::kMessage:
      return on_member_name(place, level);
    case Level::Kind::kAny:
      return on_any_name(level);
    case Level::Kind::kMap: {
      const FieldDescriptor& key = *level.field->containing_type()->map_key();
      const std::string wrong = check_scalar(key, JsonScalar::kString, level.name);
      return wrong.empty() || refuse(place, "the key: " + wrong);
    }
    case Level::Kind::kList:
    case Level::Kind::kFree:
      break;
  }
  return hold(place, level.name.size());
}

bool JsonCheck::on_member_name(Place place, Level& level) {
  level.field = find_field(*level.type, level.name);
  if (level.field == nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < level.type->field_count() && i < kMostSuggestedFields; ++i) {
      names.push_back(level.type->field(i)->json_name());
    }
    return refuse(place, level.type->full_name() + " has no field " + quoted(level.name) +
                             internal::suggestion(level.name, names));
  }
  if (level.field->type() == FieldDescriptor::TYPE_GROUP) {
    return refuse(place, "this field is a group of proto2, which cannot be given in JSON");
  }
  if (level.seen.empty()) level.seen.resize(static_cast<std::size_t>(level.type->field_count()));
  auto is_seen = level.seen[static_cast<std::size_t>(level.field->index())];
  if (is_seen) return refuse(place, "this field was given before; write it once");
  is_seen = true;
  return true;
}

bool JsonCheck::on_any_name(Level& level) {
  if (level.name == "@type") return true;
  // The type may come last. Until then nobody knows what this is.
  level.kind = Level::Kind::kFree;
  level.is_held = true;
  return true;
}

bool JsonCheck::on_any_type(Place place, JsonScalar kind, const std::string& url) {
  const Descriptor* type = kind == JsonScalar::kString ? find_type(pool_, url) : nullptr;
  if (type == nullptr) {
    return refuse(place, "the type of an Any is \"" + std::string(kTypeHost) +
                             "/\" and the full name of a message that is known here, not " +
                             shown(kind, url));
  }
  Level& level = levels_.back();
  if (type->well_known_type() == Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
    level.kind = Level::Kind::kMessage;
    level.type = type;
  } else {
    level.kind = Level::Kind::kFree;  // {"@type": ..., "value": ...}
  }
  return true;
}

bool JsonCheck::on_scalar(Place place, JsonScalar kind, std::string text) {
  if (!levels_.empty() && levels_.back().kind == Level::Kind::kAny) {
    return on_any_type(place, kind, text);
  }
  if (!hold(place, text.size())) return false;
  const Target target = next_target();
  if (kind == JsonScalar::kNull) {
    return takes_null(target) || refuse(place,
                                        "null stands for a field that is not there, and "
                                        "cannot stand here; a value was expected");
  }
  if (!take_member(place, target)) return false;
  switch (target.form) {
    case Target::Form::kFree:
      return true;
    case Target::Form::kList:
      return refuse(place, "a list was expected: [ ... ], not " + shown(kind, text));
    case Target::Form::kMap:
      return refuse(place, "a map was expected: { \"key\": ... }, not " + shown(kind, text));
    case Target::Form::kSingle:
      break;
  }
  return check_single(place, kind, text, target);
}

bool JsonCheck::check_single(Place place, JsonScalar kind, const std::string& text,
                             const Target& target) {
  std::string wrong;
  if (target.message == nullptr) {
    wrong = check_scalar(*target.field, kind, text);
  } else {
    switch (target.message->well_known_type()) {
      case Descriptor::WELLKNOWNTYPE_VALUE:
        break;
      case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
      case Descriptor::WELLKNOWNTYPE_ANY:
      case Descriptor::WELLKNOWNTYPE_STRUCT:
        wrong = "an object was expected: { ... }, not " + shown(kind, text);
        break;
      case Descriptor::WELLKNOWNTYPE_LISTVALUE:
        wrong = "a list was expected: [ ... ], not " + shown(kind, text);
        break;
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      case Descriptor::WELLKNOWNTYPE_DURATION:
      case Descriptor::WELLKNOWNTYPE_FIELDMASK:
        wrong = check_time_text(*target.message, kind, text);
        break;
      default: {  // wrappers
        const FieldDescriptor* value = target.message->FindFieldByNumber(1);
        if (value != nullptr) wrong = check_scalar(*value, kind, text);
      }
    }
  }
  return wrong.empty() || refuse(place, wrong);
}

}  // namespace

Status check_json(std::string_view json, const Descriptor& type, const DescriptorPool& pool,
                  const JsonLimits& limits) {
  internal::JsonScanOptions options;
  options.max_depth = static_cast<int>(std::min(limits.max_depth, kMostDepth));
  JsonCheck check(type, pool, limits);
  (void)internal::scan_json(json, options, check);
  return check.status();
}

const Descriptor* find_type(const DescriptorPool& pool, std::string_view url) {
  if (!url.starts_with(kTypeHost) || url.size() <= kTypeHost.size()) return nullptr;
  url.remove_prefix(kTypeHost.size());
  if (!url.starts_with('/')) return nullptr;
  return pool.FindMessageTypeByName(std::string(url.substr(1)));
}

}  // namespace echostream::gateway
