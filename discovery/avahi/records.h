// What avahi's client library hands over, as our types, and back.
#pragma once

#include <avahi-common/address.h>
#include <avahi-common/strlst.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/socket_address.h"

namespace echostream::discovery {

struct FreeStrings {
  void operator()(AvahiStringList* list) const { avahi_string_list_free(list); }
};
using Strings = std::unique_ptr<AvahiStringList, FreeStrings>;

/// Of the strings of a TXT record in the order in which they are sent. What a program hands to
/// avahi's client library, that turns round once more than what it gets; so these two differ.
Strings strings_of(const std::vector<std::string>& txt);
std::vector<std::string> txt_of(AvahiStringList* strings);
/// Of a TXT record's data as it was sent; what is cut off ends it.
std::vector<std::string> txt_of_data(std::span<const std::uint8_t> data);

/// Link-local IPv6 addresses get the interface as their scope.
SocketAddress address_of(const AvahiAddress& address, std::uint16_t port,
                         std::uint32_t interface_index);
/// Of an address family of ours; AVAHI_PROTO_UNSPEC for none.
AvahiProtocol protocol_of(SocketAddress::Family family);
SocketAddress::Family family_of(AvahiProtocol protocol);

/// "_echostream._udp" of "_camera._sub._echostream._udp".
std::string type_without_subtype(const std::string& type);

/// INVALID_ARGUMENT for what cannot be handed to avahi at all; the daemon judges the rest.
Status check_registration(const Registration& registration);

}  // namespace echostream::discovery
