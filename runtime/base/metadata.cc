#include "echostream/metadata.h"

#include <algorithm>

namespace echostream {

std::optional<std::string_view> Metadata::find(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::size_t Metadata::byte_size() const {
  constexpr std::size_t kEntryOverhead = 32;
  std::size_t size = entries_.size() * kEntryOverhead;
  for (const auto& [name, value] : entries_) size += name.size() + value.size();
  return size;
}

bool Metadata::is_valid_key(std::string_view key) {
  return !key.empty() && key.size() <= 128 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace echostream
