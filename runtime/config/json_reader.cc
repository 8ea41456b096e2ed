#include "runtime/config/json_reader.h"

#include <utility>
#include <vector>

#include "runtime/messages/json_scanner.h"

namespace echostream::internal {

namespace {

Value::Kind kind_of(JsonScalar scalar) {
  switch (scalar) {
    case JsonScalar::kNull:
      return Value::Kind::kNull;
    case JsonScalar::kNumber:
      return Value::Kind::kNumber;
    case JsonScalar::kString:
      return Value::Kind::kString;
    case JsonScalar::kWord:
      break;
  }
  return Value::Kind::kWord;
}

class ValueBuilder final : public JsonHandler {
 public:
  ValueBuilder(const std::string& source, Problems& problems)
      : source_(source), problems_(problems) {}

  Value take() { return std::move(root_); }

  bool on_scalar(Place place, JsonScalar kind, std::string text) override {
    Value& value = next();
    value.kind = kind_of(kind);
    value.place = place;
    value.text = std::move(text);
    return true;
  }
  // Only the innermost list or object grows, so pointers to those around it stay good.
  bool on_begin(Place place, char bracket) override {
    Value& value = next();
    value.kind = bracket == '{' ? Value::Kind::kObject : Value::Kind::kList;
    value.place = place;
    open_.push_back(&value);
    return true;
  }
  bool on_end(Place) override {
    open_.pop_back();
    return true;
  }
  bool on_name(Place place, std::string name) override {
    Member& member = open_.back()->members.emplace_back();
    member.name = std::move(name);
    member.place = place;
    return true;
  }
  bool on_problem(Place place, std::string message) override {
    problems_.add(source_, place, "", std::move(message));
    return true;
  }

 private:
  Value& next() {
    if (open_.empty()) return root_;
    Value& around = *open_.back();
    if (around.kind == Value::Kind::kObject) return around.members.back().value;
    return around.items.emplace_back();
  }

  const std::string& source_;
  Problems& problems_;
  Value root_;
  std::vector<Value*> open_;
};

}  // namespace

std::optional<Value> read_json(std::string_view text, const std::string& source,
                               Problems& problems) {
  JsonScanOptions options;
  options.max_depth = kMostConfigDepth;
  options.comment_hint = "; the text format (*.textproto) has, with '#'";
  ValueBuilder builder(source, problems);
  if (!scan_json(text, options, builder)) return std::nullopt;
  return builder.take();
}

}  // namespace echostream::internal
