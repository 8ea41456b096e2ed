// Header and trailer fields of HTTP/3 messages (RFC 9114 4.2, 4.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string_view>

#include "runtime/base/pooled_allocator.h"

namespace echostream::http3 {

/// Names are in lower case, pseudo-headers among them with their colon: ":path". Refers to the
/// bytes of whoever made it.
struct Field {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Field&, const Field&) = default;
};

/// In the order in which they came, pseudo-headers first. All bytes are in one piece: a request
/// has a dozen fields, and each string of its own would be an allocation.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value);
  }

  void add(std::string_view name, std::string_view value) {
    if (places_.empty()) places_.reserve(kUsualFields);
    const std::size_t begin = byte_size();
    const std::size_t end_of_name = begin + name.size();
    const std::size_t end = end_of_name + value.size();
    if (end > room_.size()) room_.resize(std::max({end, 2 * room_.size(), kUsualBytes}));
    std::copy(name.begin(), name.end(), room_.data() + begin);
    std::copy(value.begin(), value.end(), room_.data() + end_of_name);
    places_.push_back({begin, end_of_name, end});
  }
  /// The first of that name; empty when there is none.
  std::string_view get(std::string_view name) const {
    const std::size_t index = find(name);
    return index < size() ? at(index).value : std::string_view();
  }
  bool has(std::string_view name) const { return find(name) < size(); }
  /// Drops the fields in front whose names begin with a colon.
  void drop_pseudo_headers() {
    std::size_t count = 0;
    while (count < size() && at(count).name.starts_with(':')) ++count;
    places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  bool empty() const { return places_.empty(); }
  std::size_t size() const { return places_.size(); }
  /// What is held of names and values.
  std::size_t byte_size() const { return places_.empty() ? 0 : places_.back().end; }
  /// The same fields in the same order, but for the values of that name.
  bool equals_except(std::string_view name, const Fields& other) const {
    if (has_same_bytes(other)) return true;
    return std::equal(begin(), end(), other.begin(), other.end(),
                      [&](const Field& a, const Field& b) {
                        return a.name == b.name && (a.value == b.value || a.name == name);
                      });
  }

  /// Gives fields by value.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using pointer = const Field*;
    using reference = Field;

    Iterator(const Fields& fields, std::size_t index) : fields_(&fields), index_(index) {}
    Field operator*() const { return fields_->at(index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Fields* fields_;
    std::size_t index_;
  };
  /// What they give is valid until the fields change or go.
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, places_.size()}; }
  friend bool operator==(const Fields& a, const Fields& b) {
    return a.has_same_bytes(b) || std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr std::size_t kUsualBytes = 256;
  static constexpr std::size_t kUsualFields = 12;
  struct Place {
    std::size_t begin;
    std::size_t end_of_name;
    std::size_t end;
    friend bool operator==(const Place&, const Place&) = default;
  };
  std::string_view bytes() const { return {room_.data(), byte_size()}; }
  // Equal ones may differ in what was dropped in front.
  bool has_same_bytes(const Fields& other) const {
    return places_ == other.places_ && bytes() == other.bytes();
  }
  // size() when there is none.
  std::size_t find(std::string_view name) const {
    std::size_t index = 0;
    for (; index < size(); ++index) {
      const Place& place = places_[index];
      if (place.end_of_name - place.begin == name.size() && at(index).name == name) break;
    }
    return index;
  }
  Field at(std::size_t index) const {
    const Place& place = places_[index];
    return {{room_.data() + place.begin, place.end_of_name - place.begin},
            {room_.data() + place.end_of_name, place.end - place.end_of_name}};
  }

  PooledVector<char> room_;  // more than is in it
  PooledVector<Place> places_;
};

}  // namespace echostream::http3
