#include "discovery/resolver/target.h"

#include <algorithm>
#include <cstddef>

#include "echostream/base/printable.h"

#include "discovery/records/names.h"

namespace echostream::discovery {
namespace {

// What a TXT record has room for: text_record.cc.
constexpr std::size_t kMostServiceBytes = 249;
constexpr std::size_t kMostHostNameBytes = 253;
constexpr std::size_t kMostLabelBytes = 63;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether each part between the dots passes.
template <class Passes>
bool all_parts(std::string_view text, Passes passes) {
  for (;;) {
    const std::size_t end = text.find('.');
    if (!passes(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_identifier(std::string_view part) {
  return !part.empty() && !is_digit(part.front()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_label(std::string_view part) {
  return !part.empty() && part.size() <= kMostLabelBytes && part.front() != '-' &&
         part.back() != '-' && std::all_of(part.begin(), part.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '-';
         });
}

Status not_a_target(std::string_view text, const std::string& why) {
  return {StatusCode::kInvalidArgument,
          "'" + printable(text.substr(0, 300)) + "' " + why +
              "; allowed are a service (acme.v1.Camera, or .Camera for one without package), and "
              "the name of a node, which may stand in quotes (\"camera.local\")"};
}

Result<MdnsTarget> service(std::string_view text, std::string_view name) {
  if (!all_parts(name, is_identifier)) return not_a_target(text, "is not the name of a service");
  if (name.size() > kMostServiceBytes) {
    return not_a_target(text, "is longer than any service's name can be, which is 249 bytes");
  }
  return MdnsTarget{MdnsTarget::Kind::kService, std::string(name)};
}

Result<MdnsTarget> node(std::string_view text, std::string_view name) {
  if (Status usable = check_instance_name(name); !usable.is_ok()) {
    return not_a_target(text, "names no node (1 to 63 bytes of UTF-8 without control characters)");
  }
  return MdnsTarget{MdnsTarget::Kind::kName, std::string(name)};
}

}  // namespace

Result<MdnsTarget> parse_mdns_target(std::string_view text) {
  if (text.starts_with('"')) {
    if (text.size() < 2 || !text.ends_with('"')) {
      return not_a_target(text, "has no quote at its end");
    }
    return node(text, text.substr(1, text.size() - 2));
  }
  if (text.starts_with('.')) return service(text, text.substr(1));
  const bool has_dot = text.find('.') != std::string_view::npos;
  if (has_dot && all_parts(text, is_identifier)) return service(text, text);
  return node(text, text);
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kMostHostNameBytes || !all_parts(text, is_label)) return false;
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return !std::all_of(last.begin(), last.end(), is_digit);
}

}  // namespace echostream::discovery
