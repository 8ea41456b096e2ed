#include "runtime/plugins/auth_token/json_object.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace echostream::auth_token {
namespace {

using nlohmann::json;

// Gets the values as the parser, which does not recurse, comes across them; false stops it.
class Reader final : public nlohmann::json_sax<json> {
 public:
  std::vector<JsonObject::Member> members;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return number(value); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (!count_value()) return false;
    if (depth_ == 1) {
      member().kind = JsonObject::Kind::kString;
      member().text = std::move(value);
    } else if (depth_ == 2 && member().kind == JsonObject::Kind::kStrings) {
      member().texts.push_back(std::move(value));
    }
    return true;
  }
  bool start_object(std::size_t) override { return enter(false); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(true); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    for (const JsonObject::Member& other : members) {
      if (other.key == name) return false;
    }
    members.emplace_back();
    members.back().key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  static constexpr int kMaxDepth = 8;
  static constexpr int kMaxValues = 256;

  JsonObject::Member& member() { return members.back(); }
  // Outside of everything only an object may stand.
  bool count_value() { return depth_ > 0 && ++values_ <= kMaxValues; }
  bool other() {
    if (!count_value()) return false;
    spoil_list();
    return true;
  }
  bool number(double value) {
    if (!count_value()) return false;
    if (depth_ == 1) {
      member().kind = JsonObject::Kind::kNumber;
      member().number = value;
    }
    spoil_list();
    return true;
  }
  bool enter(bool is_array) {
    if (depth_ == 0 && is_array) return false;
    if (depth_ > 0 && !count_value()) return false;
    spoil_list();
    if (depth_ == 1 && is_array) member().kind = JsonObject::Kind::kStrings;
    return ++depth_ <= kMaxDepth;
  }
  bool leave() {
    --depth_;
    return true;
  }
  // A list with something else in it is none of strings.
  void spoil_list() {
    if (depth_ > 1) member().kind = JsonObject::Kind::kOther;
  }

  int depth_ = 0;
  int values_ = 0;
};

}  // namespace

std::optional<JsonObject> JsonObject::parse(std::string_view text) {
  Reader reader;
  if (!json::sax_parse(text.begin(), text.end(), &reader)) return std::nullopt;
  JsonObject object;
  object.members_ = std::move(reader.members);
  return object;
}

const JsonObject::Member* JsonObject::find(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

std::string to_json_string(std::string_view text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace echostream::auth_token
