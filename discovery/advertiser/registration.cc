#include "discovery/advertiser/registration.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "echostream/base/printable.h"

#include "discovery/records/names.h"
#include "discovery/records/protocol_version.h"
#include "discovery/records/text_record.h"

namespace echostream::discovery {
namespace {

// IFNAMSIZ without its zero.
constexpr std::size_t kMostInterfaceBytes = 15;

// Avahi-daemon takes 32 entries for one registration (entries-per-entry-group-max), and one of them
// is the service itself.
constexpr std::size_t kMostSubtypes = 31;

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool has_key(const Properties& properties, std::string_view key) {
  return std::any_of(properties.begin(), properties.end(), [&](const auto& property) {
    return in_lower_case(property.first) == in_lower_case(key);
  });
}

std::vector<std::string> subtypes_of(const std::vector<std::string>& services) {
  std::vector<std::string> subtypes;
  for (const std::string& service : services) subtypes.push_back(subtype_label(service));
  // Two services may share one.
  std::sort(subtypes.begin(), subtypes.end());
  subtypes.erase(std::unique(subtypes.begin(), subtypes.end()), subtypes.end());
  return subtypes;
}

}  // namespace

Status check_options(const AnnounceOptions& options) {
  if (Status name = check_instance_name(options.name); !name.is_ok()) {
    return name.with_context("AnnounceOptions::name");
  }
  const std::string& interface = options.interface;
  if (interface.size() > kMostInterfaceBytes || !is_printable_ascii(interface)) {
    return {StatusCode::kInvalidArgument,
            "AnnounceOptions::interface: '" + printable(interface.substr(0, 64)) +
                "' is not the name of a network interface, which has at most 15 bytes: \"eth0\""};
  }
  return Status::ok();
}

Result<std::uint16_t> announced_port(const std::vector<SocketAddress>& listening) {
  if (listening.empty()) {
    return Status(StatusCode::kFailedPrecondition, "the node does not listen");
  }
  const auto reachable =
      std::find_if(listening.begin(), listening.end(),
                   [](const SocketAddress& address) { return !address.is_loopback(); });
  if (reachable != listening.end()) return reachable->port();
  return Status(StatusCode::kFailedPrecondition,
                "the node listens on " + listening.front().to_string() +
                    " only, where no other machine can reach it; listen on \"[::]:0\"");
}

Result<Registration> make_registration(const Announcement& announcement, const std::string& node_id,
                                       const Properties& properties) {
  TextRecord record;
  record.protocol_version = kProtocolVersion;
  record.node_id = node_id;
  record.fingerprint = announcement.fingerprint;
  record.services = announcement.services;
  record.properties = properties;
  for (const auto& property : announcement.properties) {
    if (!has_key(record.properties, property.first)) record.properties.push_back(property);
  }
  auto txt = write_text_record(record);
  if (!txt) return std::move(txt).error();
  std::vector<std::string> subtypes = subtypes_of(record.services);
  if (subtypes.size() > kMostSubtypes) {
    return Status(StatusCode::kInvalidArgument,
                  std::to_string(subtypes.size()) +
                      " services cannot be announced; avahi-daemon takes at most " +
                      std::to_string(kMostSubtypes) +
                      " of one node: serve the others on a node of their own");
  }
  const auto port = announced_port(announcement.listening);
  if (!port) return port.error();
  Registration registration;
  registration.name = announcement.name;
  registration.port = *port;
  registration.subtypes = std::move(subtypes);
  registration.txt = *std::move(txt);
  return registration;
}

}  // namespace echostream::discovery
