// Key/value pairs that travel beside a call, both ways.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace echostream {

/// An ordered list; a key may occur more than once. Keys are lower-case letters, digits, '-', '_'
/// and '.', 1 to 128 bytes; values are arbitrary bytes. A peer refuses more than it said it takes
/// (8 KiB in all by default).
class Metadata {
 public:
  Metadata() {}
  Metadata(std::initializer_list<std::pair<std::string, std::string>> entries)
      : entries_(entries) {}

  void add(std::string key, std::string value) {
    entries_.emplace_back(std::move(key), std::move(value));
  }
  /// The first value of the key. Valid as long as this object is not changed.
  std::optional<std::string_view> find(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  /// What limits count: the bytes of all keys and values, and 32 for each entry, which is more than
  /// its lengths take on the wire and about what keeping it costs.
  std::size_t byte_size() const;
  static bool is_valid_key(std::string_view key);

  friend bool operator==(const Metadata&, const Metadata&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace echostream
