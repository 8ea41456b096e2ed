// Header and trailer fields of HTTP/3 messages (RFC 9114 4.2, 4.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

#include "runtime/base/pooled_allocator.h"

namespace echostream::http3 {

/// Names are in lower case, pseudo-headers among them with their colon: ":path". Refers to the
/// bytes of whoever made it.
struct Field {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Field&, const Field&) = default;
};

/// In the order in which they came, pseudo-headers first. All of them are in one piece, each with
/// its lengths in front: a request has a dozen fields, and each string of its own would be an
/// allocation.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value);
  }
  Fields(const Fields&) = default;
  Fields(Fields&& other) noexcept
      : room_(std::move(other.room_)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  Fields& operator=(Fields other) noexcept {
    room_.swap(other.room_);
    begin_ = other.begin_;
    end_ = other.end_;
    size_ = other.size_;
    return *this;
  }
  ~Fields() = default;

  // Out of line: the calls are many, and g++ 12 sees a write out of bounds where it is not.
  [[gnu::noinline]] void add(std::string_view name, std::string_view value) {
    const Lengths lengths{static_cast<std::uint32_t>(name.size()),
                          static_cast<std::uint32_t>(value.size())};
    const std::size_t end = end_ + sizeof lengths + name.size() + value.size();
    if (end > room_.size()) room_.resize(std::max({end, 2 * room_.size(), kUsualBytes}));
    char* out = room_.data() + end_;
    std::memcpy(out, &lengths, sizeof lengths);
    out += sizeof lengths;
    put(out, name);
    put(out + name.size(), value);
    end_ = end;
    ++size_;
  }
  /// The first of that name; empty when there is none.
  std::string_view get(std::string_view name) const {
    const Iterator found = find(name);
    return found != end() ? (*found).value : std::string_view();
  }
  bool has(std::string_view name) const { return find(name) != end(); }
  /// Drops the fields in front whose names begin with a colon.
  void drop_pseudo_headers() {
    for (Iterator at = begin(); at != end() && (*at).name.starts_with(':'); ++at) {
      begin_ += at.byte_size();
      --size_;
    }
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// What is held of names, values and their lengths.
  std::size_t byte_size() const { return end_ - begin_; }
  /// The same fields in the same order, but for the values of that name.
  bool equals_except(std::string_view name, const Fields& other) const {
    return std::equal(begin(), end(), other.begin(), other.end(),
                      [&](const Field& a, const Field& b) {
                        return a.name == b.name && (a.value == b.value || a.name == name);
                      });
  }

 private:
  struct Lengths {
    std::uint32_t name;
    std::uint32_t value;
  };

 public:
  /// Gives fields by value.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    using pointer = const Field*;
    using reference = Field;

    explicit Iterator(const char* at) : at_(at) {}
    Field operator*() const {
      const Lengths lengths = this->lengths();
      const char* const name = at_ + sizeof lengths;
      return {{name, lengths.name}, {name + lengths.name, lengths.value}};
    }
    Iterator& operator++() {
      at_ += byte_size();
      return *this;
    }
    std::size_t byte_size() const {
      const Lengths lengths = this->lengths();
      return sizeof lengths + lengths.name + lengths.value;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    Lengths lengths() const {
      Lengths lengths;
      std::memcpy(&lengths, at_, sizeof lengths);  // it is anywhere
      return lengths;
    }

    const char* at_;
  };
  /// What they give is valid until the fields change or go.
  Iterator begin() const { return Iterator(room_.data() + begin_); }
  Iterator end() const { return Iterator(room_.data() + end_); }
  friend bool operator==(const Fields& a, const Fields& b) { return a.bytes() == b.bytes(); }

 private:
  // What a request's take, mostly.
  static constexpr std::size_t kUsualBytes = 384;

  // Most are short: what memcpy() costs beside its own is more than they do.
  static void put(char* out, std::string_view text) {
    const char* in = text.data();
    const std::size_t size = text.size();
    if (size > 16) {
      std::memcpy(out, in, size);
    } else if (size >= 8) {
      std::memcpy(out, in, 8);
      std::memcpy(out + size - 8, in + size - 8, 8);
    } else if (size >= 4) {
      std::memcpy(out, in, 4);
      std::memcpy(out + size - 4, in + size - 4, 4);
    } else {
      for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
    }
  }
  std::string_view bytes() const { return {room_.data() + begin_, byte_size()}; }
  Iterator find(std::string_view name) const {
    Iterator at = begin();
    while (at != end() && (*at).name != name) ++at;
    return at;
  }

  PooledVector<char> room_;  // more than is in it
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t size_ = 0;
};

}  // namespace echostream::http3
