// The half of Worker that looks for others.
#include <avahi-common/error.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "discovery/avahi/errors.h"
#include "discovery/avahi/records.h"
#include "discovery/avahi/worker.h"

namespace echostream::discovery {
namespace {

// Names in DNS.
bool is_same(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void Worker::browse(OperationId id, const std::string& type) {
  if (!is_usable()) return;
  auto browsing =
      std::make_unique<Browsing>(Browsing{this, id, type_without_subtype(type), nullptr});
  browsing->browser =
      avahi_service_browser_new(client_, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, type.c_str(), nullptr,
                                AvahiLookupFlags{}, on_browser, browsing.get());
  if (browsing->browser == nullptr) return fail(id, avahi_client_errno(client_));
  browsings_[id] = std::move(browsing);
}

void Worker::on_browser(AvahiServiceBrowser*, AvahiIfIndex interface, AvahiProtocol protocol,
                        AvahiBrowserEvent event, const char* name, const char* type,
                        const char* domain, AvahiLookupResultFlags, void* self) {
  const auto& browsing = *static_cast<Browsing*>(self);
  Worker& worker = *browsing.worker;
  InstanceEvent found;
  switch (event) {
    case AVAHI_BROWSER_CACHE_EXHAUSTED:
      return;  // goes on with the network
    case AVAHI_BROWSER_ALL_FOR_NOW:
      return worker.inbox_.put_event(browsing.id, found);
    case AVAHI_BROWSER_FAILURE:
      return worker.fail(browsing.id, avahi_client_errno(worker.client_));
    case AVAHI_BROWSER_NEW:
      found.kind = InstanceEvent::Kind::kAppeared;
      break;
    case AVAHI_BROWSER_REMOVE:
      found.kind = InstanceEvent::Kind::kGone;
      break;
  }
  // A neighbour may point from our type to anything.
  if (interface < 0 || !is_same(type, browsing.type)) return;
  found.instance =
      Instance{name, type, domain, static_cast<std::uint32_t>(interface), family_of(protocol)};
  worker.inbox_.put_event(browsing.id, found);
}

void Worker::resolve(OperationId id, const Instance& instance) {
  if (!is_usable()) return;
  auto resolving = std::make_unique<Resolving>(Resolving{this, id, nullptr});
  // On the link only: a neighbour's record must not make us ask a name server elsewhere.
  resolving->resolver = avahi_service_resolver_new(
      client_, static_cast<AvahiIfIndex>(instance.interface_index), protocol_of(instance.family),
      instance.name.c_str(), instance.type.c_str(), instance.domain.c_str(), AVAHI_PROTO_UNSPEC,
      AVAHI_LOOKUP_USE_MULTICAST, on_resolver, resolving.get());
  if (resolving->resolver == nullptr) return fail(id, avahi_client_errno(client_));
  resolvings_[id] = std::move(resolving);
}

void Worker::on_resolver(AvahiServiceResolver*, AvahiIfIndex interface, AvahiProtocol,
                         AvahiResolverEvent event, const char*, const char*, const char*,
                         const char* host, const AvahiAddress* address, std::uint16_t port,
                         AvahiStringList* txt, AvahiLookupResultFlags, void* self) {
  const auto& resolving = *static_cast<Resolving*>(self);
  Worker& worker = *resolving.worker;
  if (event == AVAHI_RESOLVER_FAILURE) {
    const int error = avahi_client_errno(worker.client_);
    const OperationId id = resolving.id;
    worker.end(id);
    return worker.inbox_.put_status(id, status_of(error));
  }
  if (address == nullptr) return;
  ResolvedInstance resolved;
  resolved.host = host;
  resolved.address = address_of(*address, port, static_cast<std::uint32_t>(std::max(interface, 0)));
  resolved.txt = txt_of(txt);
  worker.inbox_.put_resolved(resolving.id, std::move(resolved));
}

}  // namespace echostream::discovery
