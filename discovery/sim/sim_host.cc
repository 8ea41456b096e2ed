#include <utility>

#include "discovery/records/text_record.h"
#include "discovery/sim/sim_operations.h"

namespace echostream::discovery::testing {
namespace {

using Family = SocketAddress::Family;
using std::chrono::seconds;

constexpr Duration kGoodbyeTime = seconds(1);             // RFC 6762 10.1
constexpr Duration kHostRecordsTime = seconds(120);       // RFC 6762 10: SRV, A, AAAA
constexpr Duration kOtherRecordsTime = seconds(75 * 60);  // the same: PTR, TXT

Instance instance_of(const SimHost::Key& key, Family family) {
  return {key.second, key.first, "local", kSimInterface, family};
}

bool has_subtype(const Registration& says, const std::string& subtype) {
  if (subtype.empty()) return true;
  for (const std::string& one : says.subtypes) {
    if (equal_names(one, subtype)) return true;
  }
  return false;
}

std::size_t place_of(Family family) { return family == Family::kIpv4 ? 0 : 1; }

}  // namespace

SimHost::SimHost(SimDnsNetwork::Impl& network, Loop& loop, std::string name, unsigned number)
    : network_(network), loop_(loop), name_(std::move(name)), number_(number) {
  auto watch = loop_.watch_network([this] {
    for (auto& [id, publication] : publications) publication->announce();
  });
  if (watch) address_watch_ = *std::move(watch);
  for (auto& [other, host] : network_.hosts) {
    if (host == nullptr) continue;  // this one, which is being made
    for (auto& [id, publication] : host->publications) {
      hear_after(network_.answer_delay(), *host, id);
    }
  }
}

Status SimHost::status() const {
  if (is_running_) return Status();
  return Status(StatusCode::kUnavailable,
                "the simulated daemon of " + name_ + " is not running; start_daemon() starts it");
}

SocketAddress SimHost::address(Family family) const {
  const bool is_ipv4 = family == Family::kIpv4;
  const auto remote = SocketAddress::parse(is_ipv4 ? "224.0.0.251:5353" : "[ff02::fb]:5353");
  const auto own = loop_.source_address(*remote, {});
  if (own) return *own;
  if (is_ipv4) return {};
  const auto low = static_cast<std::uint8_t>(number_);
  const auto high = static_cast<std::uint8_t>(number_ >> 8);
  return SocketAddress::ipv6({0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low}, 0,
                             kSimInterface);
}

void SimHost::start() {
  if (std::exchange(is_running_, true)) return;
  for (auto& [id, watch] : watches) watch->tell(status());
  for (auto& [name, host] : network_.hosts) {
    for (auto& [id, publication] : host->publications) {
      hear_after(network_.answer_delay(), *host, id);
    }
  }
}

void SimHost::stop(bool goodbye) {
  if (!is_running_) return;
  if (goodbye) {
    for (auto& [id, publication] : publications) publication->say_goodbye();
  }
  is_running_ = false;
  ++life_;
  heard_.clear();
  for (auto& [id, publication] : publications) publication->end(status());
  for (auto& [id, browse] : browses) browse->end(status());
  for (auto& [id, resolve] : resolves) resolve->end(status());
  for (auto& [id, watch] : watches) watch->tell(status());
  for (auto& [name, host] : network_.hosts) {
    if (host.get() != this) host->lose(*this);
  }
}

void SimHost::set_link(bool up) {
  if (std::exchange(is_link_up_, up) == up || !is_running_) return;
  if (!up) {
    forget_others();
    for (auto& [name, host] : network_.hosts) {
      if (host.get() != this) host->lose(*this);
    }
    return;
  }
  for (auto& [id, publication] : publications) publication->probe_again();
  for (auto& [name, host] : network_.hosts) {
    for (auto& [id, publication] : host->publications) {
      hear_after(network_.answer_delay(), *host, id);
    }
  }
  sweep();
}

void SimHost::hear_after(Duration delay, SimHost& from, std::uint64_t publication) {
  network_.after(*this, delay, [this, &from, publication] { hear(from, publication); });
}

void SimHost::hear(SimHost& from, std::uint64_t publication) {
  const auto found = from.publications.find(publication);
  if (found == from.publications.end() || !found->second->is_established()) return;
  if (!network_.hears(*this, from)) return;
  const Key key = found->second->key();
  Heard& heard = heard_[key];
  heard.owner = publication;
  heard.from = &from;
  heard.says = found->second->registration();
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const SocketAddress address = from.address(family);
    auto& place = heard.addresses[place_of(family)];
    place.reset();
    if (address.is_set()) place = address.with_port(heard.says.port);
  }
  heard.is_resolvable = true;
  heard.version = next_version_++;
  refresh(key);
}

void SimHost::plan(const Key& key, Duration delay, void (SimHost::*action)(const Key&)) {
  const std::uint64_t version = heard_.at(key).version;
  network_.after(*this, delay, [this, key, version, action] {
    const auto found = heard_.find(key);
    if (found != heard_.end() && found->second.version == version) (this->*action)(key);
  });
}

void SimHost::hear_goodbye(const Key& key, std::uint64_t publication) {
  network_.after(*this, kAnnouncementDelay, [this, key, publication] {
    const auto found = heard_.find(key);
    if (found == heard_.end() || found->second.owner != publication) return;
    plan(key, kGoodbyeTime, &SimHost::forget);
  });
}

void SimHost::hear_leaving(const Key& key, std::uint64_t publication) {
  network_.after(*this, kAnnouncementDelay, [this, key, publication] {
    const auto found = heard_.find(key);
    if (found == heard_.end() || found->second.owner != publication) return;
    Heard& heard = found->second;
    heard.says.txt = leaving_text(std::move(heard.says.txt));
    heard.version = next_version_++;
    plan(key, kLeavingTime + kGoodbyeTime, &SimHost::forget);
    refresh(key);
  });
}

void SimHost::lose(const SimHost& from) {
  if (!is_running_) return;
  for (const auto& [key, heard] : heard_) {
    if (heard.from != &from) continue;
    plan(key, kHostRecordsTime, &SimHost::forget_address);
    plan(key, kOtherRecordsTime, &SimHost::forget);
  }
}

void SimHost::forget_others() {
  for (auto it = heard_.begin(); it != heard_.end();) {
    it = it->second.from == this ? std::next(it) : heard_.erase(it);
  }
  sweep();
}

void SimHost::forget(const Key& key) {
  heard_.erase(key);
  refresh(key);
}

void SimHost::forget_address(const Key& key) {
  heard_.at(key).is_resolvable = false;
  refresh(key);
}

void SimHost::refresh(const Key& key) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) refresh(instance_of(key, family));
}

void SimHost::refresh(const Instance& instance) {
  for (auto& [id, browse] : browses) browse->refresh(instance);
  const auto [first, last] = resolves_by_instance.equal_range(instance);
  for (auto it = first; it != last; ++it) it->second->refresh();
}

void SimHost::sweep() {
  for (auto& [id, browse] : browses) browse->sweep();
  for (auto& [id, resolve] : resolves) resolve->refresh();
}

bool SimHost::is_visible(const Instance& instance, const std::string& type,
                         const std::string& subtype) const {
  if (!is_running_ || !equal_names(instance.type, type)) return false;
  if (is_link_up_ && network_.injected.contains(instance)) return true;
  const auto found = heard_.find({instance.type, instance.name});
  return found != heard_.end() && instance == instance_of(found->first, instance.family) &&
         found->second.addresses[place_of(instance.family)] &&
         has_subtype(found->second.says, subtype);
}

std::set<Instance> SimHost::visible(const std::string& type, const std::string& subtype) const {
  std::set<Instance> all;
  for (const auto& [key, heard] : heard_) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const Instance instance = instance_of(key, family);
      if (is_visible(instance, type, subtype)) all.insert(instance);
    }
  }
  for (const auto& [instance, says] : network_.injected) {
    if (is_visible(instance, type, subtype)) all.insert(instance);
  }
  return all;
}

std::optional<ResolvedInstance> SimHost::lookup(const Instance& instance) const {
  if (!is_running_) return std::nullopt;
  if (is_link_up_) {
    const auto injected = network_.injected.find(instance);
    if (injected != network_.injected.end()) return injected->second;
  }
  const auto found = heard_.find({instance.type, instance.name});
  if (found == heard_.end() || instance != instance_of(found->first, instance.family)) {
    return std::nullopt;
  }
  const Heard& heard = found->second;
  const auto& address = heard.addresses[place_of(instance.family)];
  if (!heard.is_resolvable || !address) return std::nullopt;
  return ResolvedInstance{heard.from->name() + ".local", *address, heard.says.txt};
}

SimPublication* SimHost::rival_of(const SimPublication& publication) const {
  for (const auto& [name, host] : network_.hosts) {
    if (!network_.hears(*this, *host)) continue;
    for (const auto& [id, other] : host->publications) {
      const bool is_same = equal_names(other->registration().name, publication.registration().name);
      if (other != &publication && other->is_established() && is_same &&
          other->registration().type == publication.registration().type) {
        return other;
      }
    }
  }
  return nullptr;
}

}  // namespace echostream::discovery::testing
