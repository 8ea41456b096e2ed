#include "discovery/records/names.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

#include "echostream/base/printable.h"
#include "echostream/discovery/dns_sd.h"

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

// How many bytes the UTF-8 character at the front has (RFC 3629 section 4); 0: it is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Not the shortest form, surrogates, beyond U+10FFFF.
  const bool is_out_of_range = (lead == 0xE0 && byte(1) < 0xA0) ||
                               (lead == 0xED && byte(1) > 0x9F) ||
                               (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
  return is_out_of_range ? 0 : bytes;
}

// C0, delete and C1.
bool is_control(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0;
}

Status bad_name(std::string_view name, const std::string& why) {
  return Status(StatusCode::kInvalidArgument,
                "\"" + printable(name.substr(0, 100)) + "\" cannot be a node's name: " + why);
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// FNV-1a: tells long names apart, mostly, which is enough here.
std::string digest_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ull;
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 15];
  return digits;
}

}  // namespace

Status check_instance_name(std::string_view name) {
  if (name.empty()) return bad_name(name, "it is empty");
  if (name.size() > kMostNameBytes) {
    return bad_name(name, "it has " + std::to_string(name.size()) + " bytes; at most " +
                              std::to_string(kMostNameBytes) + " are possible");
  }
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t bytes = character_bytes(name.substr(at));
    if (bytes == 0) return bad_name(name, "it is not UTF-8");
    if (is_control(name.substr(at, bytes))) return bad_name(name, "it has a control character");
    at += bytes;
  }
  return Status();
}

std::string next_instance_name(std::string_view name) {
  const Numbered last = split_number(name);
  const std::string suffix = " #" + std::to_string(last.number + 1);
  return std::string(last.name.substr(0, cut_at(last.name, kMostNameBytes - suffix.size()))) +
         suffix;
}

std::string subtype_label(std::string_view service) {
  std::string label = "_";
  for (const char c : service) {
    const char lower = to_lower(c);
    const bool is_kept = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
    label += is_kept ? lower : '-';
  }
  if (label.size() <= kMostNameBytes) return label;
  const std::string digest = "-" + digest_of(service);
  return label.substr(0, kMostNameBytes - digest.size()) + digest;
}

std::string subtype_of(std::string_view service) {
  return subtype_label(service) + "._sub." + kServiceType;
}

}  // namespace echostream::discovery
