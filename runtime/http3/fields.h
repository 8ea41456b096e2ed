// Header and trailer fields of HTTP/3 messages (RFC 9114 4.2, 4.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace echostream::http3 {

/// Names are in lower case, pseudo-headers among them with their colon: ":path".
struct Field {
  std::string name;
  std::string value;
  friend bool operator==(const Field&, const Field&) = default;
};

/// In the order in which they came, pseudo-headers first.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.push_back({std::move(name), std::move(value)});
  }
  /// The first of that name; empty when there is none.
  std::string_view get(std::string_view name) const {
    for (const Field& field : fields_) {
      if (field.name == name) return field.value;
    }
    return {};
  }
  bool has(std::string_view name) const {
    for (const Field& field : fields_) {
      if (field.name == name) return true;
    }
    return false;
  }
  bool empty() const { return fields_.empty(); }
  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  friend bool operator==(const Fields&, const Fields&) = default;

 private:
  std::vector<Field> fields_;
};

}  // namespace echostream::http3
