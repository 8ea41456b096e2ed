// The half of Worker that looks for others.
#include <avahi-common/defs.h>
#include <avahi-common/domain.h>
#include <avahi-common/error.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "discovery/avahi/errors.h"
#include "discovery/avahi/records.h"
#include "discovery/avahi/worker.h"
#include "discovery/records/text_record.h"

namespace echostream::discovery {
namespace {

// Beside all that a Browser resolves they fit into what the daemon gives one program, about a
// thousand objects.
constexpr std::size_t kMostTexts = 384;

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
  auto& resolving = resolvings_[id];
  resolving =
      std::make_unique<Resolving>(Resolving{this, id, instance, nullptr, nullptr, {}, false, {}});
  ask(*resolving);
}

void Worker::ask(Resolving& resolving) {
  const Instance& instance = resolving.instance;
  // On the link only: a neighbour's record must not make us ask a name server elsewhere.
  resolving.resolver = avahi_service_resolver_new(
      client_, static_cast<AvahiIfIndex>(instance.interface_index), protocol_of(instance.family),
      instance.name.c_str(), instance.type.c_str(), instance.domain.c_str(), AVAHI_PROTO_UNSPEC,
      AVAHI_LOOKUP_USE_MULTICAST, on_resolver, &resolving);
  if (resolving.resolver == nullptr) fail(resolving.id, avahi_client_errno(client_));
}

int Worker::free_resolving(Resolving& resolving) {
  int error = AVAHI_OK;
  if (resolving.text != nullptr) {
    --watched_texts_;
    error = avahi_record_browser_free(resolving.text);
  }
  if (resolving.resolver == nullptr) return error;
  const int second = avahi_service_resolver_free(resolving.resolver);
  return error != AVAHI_OK ? error : second;
}

void Worker::on_resolver(AvahiServiceResolver*, AvahiIfIndex interface, AvahiProtocol,
                         AvahiResolverEvent event, const char*, const char*, const char*,
                         const char* host, const AvahiAddress* address, std::uint16_t port,
                         AvahiStringList* txt, AvahiLookupResultFlags, void* self) {
  auto& resolving = *static_cast<Resolving*>(self);
  Worker& worker = *resolving.worker;
  if (event == AVAHI_RESOLVER_FAILURE) {
    const int error = avahi_client_errno(worker.client_);
    const OperationId id = resolving.id;
    worker.end(id);
    return worker.inbox_.put_status(id, status_of(error));
  }
  if (address == nullptr) return;
  ResolvedInstance& said = resolving.said;
  said.host = host;
  said.address = address_of(*address, port, static_cast<std::uint32_t>(std::max(interface, 0)));
  said.txt = txt_of(txt);
  if (!resolving.back.empty() && parse_text_record(said.txt).is_leaving) said.txt = resolving.back;
  worker.inbox_.put_resolved(resolving.id, said);
  worker.watch_text(resolving);
}

// Where there are too many, the last are seen leaving later.
void Worker::watch_text(Resolving& resolving) {
  if (resolving.text != nullptr || watched_texts_ >= kMostTexts) return;
  const Instance& instance = resolving.instance;
  std::array<char, AVAHI_DOMAIN_NAME_MAX> name;
  if (avahi_service_name_join(name.data(), name.size(), instance.name.c_str(),
                              instance.type.c_str(), instance.domain.c_str()) != AVAHI_OK) {
    return;
  }
  resolving.text =
      avahi_record_browser_new(client_, static_cast<AvahiIfIndex>(instance.interface_index),
                               protocol_of(instance.family), name.data(), AVAHI_DNS_CLASS_IN,
                               AVAHI_DNS_TYPE_TXT, AVAHI_LOOKUP_USE_MULTICAST, on_text, &resolving);
  if (resolving.text != nullptr) {
    ++watched_texts_;
  } else if (const int error = avahi_client_errno(client_); is_lost(error)) {
    lose(lost_by(error));
  }
}

void Worker::on_text(AvahiRecordBrowser*, AvahiIfIndex, AvahiProtocol, AvahiBrowserEvent event,
                     const char*, std::uint16_t, std::uint16_t, const void* data, std::size_t size,
                     AvahiLookupResultFlags, void* self) {
  if (event != AVAHI_BROWSER_NEW && event != AVAHI_BROWSER_REMOVE) return;
  auto& resolving = *static_cast<Resolving*>(self);
  Worker& worker = *resolving.worker;
  auto txt = txt_of_data({static_cast<const std::uint8_t*>(data), size});
  const bool is_bye = parse_text_record(txt).is_leaving;
  const bool is_new = event == AVAHI_BROWSER_NEW;
  if (is_bye && is_new) {
    resolving.has_left = true;
    resolving.back.clear();
    ResolvedInstance says = resolving.said;
    says.txt = std::move(txt);
    return worker.inbox_.put_resolved(resolving.id, std::move(says));
  }
  // It is back when it says something else; or when that is over, for it may say again what it said
  // before, which is no news.
  if (!resolving.has_left || is_bye == is_new || !worker.is_usable()) return;
  resolving.has_left = is_new;
  resolving.back = is_new ? std::move(txt) : std::vector<std::string>();
  const int error = avahi_service_resolver_free(std::exchange(resolving.resolver, nullptr));
  if (is_lost(error)) return worker.lose(lost_by(error));
  worker.ask(resolving);
}

}  // namespace echostream::discovery
