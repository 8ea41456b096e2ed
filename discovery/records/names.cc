#include "discovery/records/names.h"

#include <charconv>
#include <cstddef>

namespace echostream::discovery {
namespace {

constexpr std::size_t kMostNameBytes = 63;

// Where to cut so that at most `bytes` remain, and no UTF-8 character is split.
std::size_t cut_at(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text.size();
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return bytes;
}

// The number that next_instance_name() put behind the name, and the name before it.
struct Numbered {
  std::string_view name;
  unsigned number = 1;
};

Numbered split_number(std::string_view name) {
  const std::size_t at = name.rfind(" #");
  if (at == std::string_view::npos || at == 0) return {name};
  const std::string_view digits = name.substr(at + 2);
  unsigned number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_ours = read.ec == std::errc() && read.ptr == digits.data() + digits.size() &&
                       number >= 2 && number < 1'000'000'000 && digits.front() != '0';
  return is_ours ? Numbered{name.substr(0, at), number} : Numbered{name};
}

}  // namespace

std::string next_instance_name(std::string_view name) {
  const Numbered last = split_number(name);
  const std::string suffix = " #" + std::to_string(last.number + 1);
  return std::string(last.name.substr(0, cut_at(last.name, kMostNameBytes - suffix.size()))) +
         suffix;
}

}  // namespace echostream::discovery
