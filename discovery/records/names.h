// Names in DNS-SD: of instances (RFC 6763 4.1.1) and subtypes (7.1).
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/status.h"

namespace echostream::discovery {

/// INVALID_ARGUMENT unless it is 1 to 63 bytes of UTF-8 without control characters.
Status check_instance_name(std::string_view name);

/// What to try when somebody else has the name: "camera", "camera #2", "camera #3", as avahi does;
/// shortened, never within a character, where it would be longer than 63 bytes.
std::string next_instance_name(std::string_view name);

/// The subtype's label of a service: "_acme-v1-camera" for "acme.v1.Camera"; one with a digest at
/// its end where that would be longer than 63 bytes. Labels compare without regard to case, and
/// different services may have the same: the TXT record says which it is.
std::string subtype_label(std::string_view service);
/// What to browse for: "_acme-v1-camera._sub._echostream._udp".
std::string subtype_of(std::string_view service);

}  // namespace echostream::discovery
