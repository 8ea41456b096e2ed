#include "discovery/records/text_record.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>

#include "echostream/base/printable.h"

namespace echostream::discovery {
namespace {

constexpr std::size_t kMostStrings = 64;
constexpr std::size_t kMostStringBytes = 255;
// Fits an Ethernet packet with all that is around it (RFC 6763 6.2). Counts each string's length
// byte.
constexpr std::size_t kMostBytes = 1300;
constexpr std::size_t kMostServices = 64;
// With "svc64=" before it.
constexpr std::size_t kMostServiceBytes = kMostStringBytes - 6;
constexpr std::size_t kMostIdBytes = 64;
constexpr char kServicesKey[] = "svc";
constexpr char kLeavingKey[] = "bye";

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_keys(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

// RFC 6763 6.4.
bool is_key(std::string_view key) {
  return !key.empty() && is_printable_ascii(key) && key.find('=') == std::string_view::npos;
}

bool begins_services(std::string_view key) { return equal_keys(key.substr(0, 3), kServicesKey); }

bool is_taken(std::string_view key) {
  return equal_keys(key, "v") || equal_keys(key, "id") || equal_keys(key, "fp") ||
         equal_keys(key, kLeavingKey) || begins_services(key);
}

bool is_service(std::string_view name) {
  return !name.empty() && name.size() <= kMostServiceBytes &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > 0x20 && c <= 0x7E && c != ','; });
}

std::string plain_hex(const Fingerprint& fingerprint) {
  std::string text = fingerprint.to_string();
  std::erase(text, ':');
  return text;
}

Status does_not_fit(const std::string& why) { return Status(StatusCode::kInvalidArgument, why); }

// --- writing

Status check_properties(const TextRecord& record) {
  for (auto it = record.properties.begin(); it != record.properties.end(); ++it) {
    const std::string& key = it->first;
    const std::string& value = it->second;
    const std::string name = "the property \"" + printable(key.substr(0, 100)) + "\"";
    if (!is_key(key)) {
      return does_not_fit(name + " cannot be announced: a key is printable ASCII without '='");
    }
    if (is_taken(key)) {
      return does_not_fit(
          name +
          " cannot be announced: \"v\", \"id\", \"fp\", \"bye\" and those beginning "
          "with \"svc\" are taken; choose another key");
    }
    const bool is_twice = std::any_of(record.properties.begin(), it, [&](const auto& other) {
      return equal_keys(other.first, key);
    });
    if (is_twice) {
      return does_not_fit(name + " is there twice (upper and lower case are the same); leave one");
    }
    if (key.size() + value.size() + 1 > kMostStringBytes) {
      return does_not_fit(name + " has " + std::to_string(key.size() + value.size()) +
                          " bytes, key and value together; make it at most 254");
    }
  }
  return Status();
}

Status check_services(const std::vector<std::string>& services) {
  if (services.size() > kMostServices) {
    return does_not_fit(std::to_string(services.size()) +
                        " services cannot be announced; at most " + std::to_string(kMostServices) +
                        " can: serve the others on a node of their own");
  }
  for (const std::string& service : services) {
    if (is_service(service)) continue;
    return does_not_fit("the service \"" + printable(service.substr(0, 100)) +
                        "\" cannot be announced: its name must be printable ASCII without blanks "
                        "and commas, at most " +
                        std::to_string(kMostServiceBytes) + " bytes");
  }
  return Status();
}

// As few strings as the names need, none of them split.
void append_services(const std::vector<std::string>& services, std::vector<std::string>& out) {
  std::size_t count = 0;
  std::string line;
  for (const std::string& service : services) {
    if (!line.empty() && line.size() + 1 + service.size() <= kMostStringBytes) {
      line += "," + service;
      continue;
    }
    if (!line.empty()) out.push_back(std::move(line));
    ++count;
    line = kServicesKey + (count == 1 ? std::string() : std::to_string(count)) + "=" + service;
  }
  if (!line.empty()) out.push_back(std::move(line));
}

Status check_whole(const std::vector<std::string>& strings) {
  if (strings.size() > kMostStrings) {
    return does_not_fit("all that is announced makes " + std::to_string(strings.size()) +
                        " strings; at most " + std::to_string(kMostStrings) +
                        " are read: announce fewer properties");
  }
  std::size_t bytes = 0;
  for (const std::string& string : strings) bytes += 1 + string.size();
  if (bytes <= kMostBytes) return Status();
  return does_not_fit("all that is announced has " + std::to_string(bytes) +
                      " bytes with its services; at most " + std::to_string(kMostBytes) +
                      " fit: announce fewer or shorter properties");
}

// --- reading

std::uint32_t parse_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? number : 0;
}

// "svc", "svc2" to "svc64".
bool is_services_key(std::string_view key) {
  if (!begins_services(key)) return false;
  const std::string_view digits = key.substr(3);
  if (digits.empty()) return true;
  const std::uint32_t number = parse_number(digits);
  return digits.front() != '0' && number >= 2 && number <= kMostServices;
}

void parse_services(std::string_view names, std::vector<std::string>& services) {
  while (!names.empty() && services.size() < kMostServices) {
    const std::size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    const bool is_new = std::find(services.begin(), services.end(), name) == services.end();
    if (is_new && is_service(name)) services.emplace_back(name);
  }
}

void parse_taken(std::string_view key, std::string_view value, TextRecord& record) {
  if (equal_keys(key, "v")) {
    record.protocol_version = parse_number(value);
  } else if (equal_keys(key, "id")) {
    if (value.size() <= kMostIdBytes && is_printable_ascii(value)) record.node_id = value;
  } else if (equal_keys(key, "fp")) {
    auto fingerprint = Fingerprint::parse(value);
    if (value.size() == 64 && fingerprint) record.fingerprint = *fingerprint;
  } else if (equal_keys(key, kLeavingKey)) {
    record.is_leaving = true;
  } else if (is_services_key(key)) {
    parse_services(value, record.services);
  }
}

}  // namespace

Result<std::vector<std::string>> write_text_record(const TextRecord& record) {
  if (record.node_id.size() > kMostIdBytes || !is_printable_ascii(record.node_id)) {
    return does_not_fit("the node id \"" + printable(record.node_id.substr(0, 100)) +
                        "\" cannot be announced: it must be at most 64 bytes of printable ASCII");
  }
  Status status = check_services(record.services);
  if (status.is_ok()) status = check_properties(record);
  if (!status.is_ok()) return status;

  std::vector<std::string> strings;
  if (record.protocol_version != 0) {
    strings.push_back("v=" + std::to_string(record.protocol_version));
  }
  if (record.is_leaving) strings.emplace_back(kLeavingKey);
  if (!record.node_id.empty()) strings.push_back("id=" + record.node_id);
  if (record.fingerprint) strings.push_back("fp=" + plain_hex(*record.fingerprint));
  append_services(record.services, strings);
  for (const auto& [key, value] : record.properties) strings.push_back(key + "=" + value);
  status = check_whole(strings);
  if (!status.is_ok()) return status;
  return strings;
}

TextRecord parse_text_record(const std::vector<std::string>& strings) {
  TextRecord record;
  std::vector<std::string_view> seen;
  for (std::size_t i = 0; i < std::min(strings.size(), kMostStrings); ++i) {
    const std::string_view string = strings[i];
    const std::size_t equals = std::min(string.find('='), string.size());
    const std::string_view key = string.substr(0, equals);
    const std::string_view value = string.substr(std::min(equals + 1, string.size()));
    if (string.size() > kMostStringBytes || !is_key(key)) continue;
    const bool is_repeated = std::any_of(
        seen.begin(), seen.end(), [&](std::string_view other) { return equal_keys(other, key); });
    if (is_repeated) continue;
    seen.push_back(key);
    if (is_taken(key)) {
      parse_taken(key, value, record);
    } else {
      record.properties.emplace_back(key, value);
    }
  }
  return record;
}

std::vector<std::string> leaving_text(std::vector<std::string> strings) {
  // After the version, which comes first, and where those who read only so many strings see it.
  strings.insert(strings.begin() + (strings.empty() ? 0 : 1), kLeavingKey);
  return strings;
}

}  // namespace echostream::discovery
