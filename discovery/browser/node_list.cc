#include "discovery/browser/node_list.h"

#include <algorithm>

namespace echostream::discovery {
namespace {

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 6763 6.4: keys compare without regard to case.
bool equal_keys(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace

bool NodeList::fits(const DiscoveredNode& node) const {
  if (!filter_.name.empty() && node.name != filter_.name) return false;
  const auto& services = node.services;
  if (!filter_.service.empty() &&
      std::find(services.begin(), services.end(), filter_.service) == services.end()) {
    return false;
  }
  return std::all_of(filter_.properties.begin(), filter_.properties.end(), [&](const auto& wanted) {
    return std::any_of(node.properties.begin(), node.properties.end(), [&](const auto& property) {
      return equal_keys(property.first, wanted.first) && property.second == wanted.second;
    });
  });
}

// The addresses of all; the rest as whoever spoke last says it, for a change reaches us on one
// interface after the other.
DiscoveredNode NodeList::merge(const Key& key, const Entry& entry) {
  DiscoveredNode node;
  node.name = key.first;
  node.node_id = key.second;
  const Seen* latest = nullptr;
  for (const auto& [instance, seen] : entry.seen) {
    if (latest == nullptr || seen.order > latest->order) latest = &seen;
    const SocketAddress& address = seen.sighting.address;
    const bool is_new =
        std::find(node.addresses.begin(), node.addresses.end(), address) == node.addresses.end();
    if (is_new && node.addresses.size() < kMostAddresses) node.addresses.push_back(address);
  }
  const TextRecord& record = latest->sighting.record;
  node.host = latest->sighting.host;
  node.services = record.services;
  node.fingerprint = record.fingerprint;
  node.protocol_version = record.protocol_version;
  node.properties = record.properties;
  return node;
}

NodeList::Verdict NodeList::set(const Instance& instance, Sighting sighting) {
  const Key key(instance.name, sighting.record.node_id);
  const auto before = places_.find(instance);
  if (before != places_.end() && before->second->first != key) remove(instance);
  const auto entry = entries_.try_emplace(key).first;
  places_[instance] = entry;
  Seen& seen = entry->second.seen[instance];
  if (seen.order == 0 || seen.sighting != sighting) {
    seen.sighting = std::move(sighting);
    seen.order = next_order_++;
  }
  const Verdict verdict = refresh(entry);
  if (verdict == Verdict::kNoRoom) remove(instance);
  return verdict;
}

NodeList::Verdict NodeList::refresh(Entries::iterator entry) {
  Entry& inside = entry->second;
  std::optional<DiscoveredNode> now;
  if (!inside.seen.empty()) now = merge(entry->first, inside);
  if (now && !fits(*now)) now.reset();
  if (now && !inside.shown && !has_room()) return Verdict::kNoRoom;
  const Verdict verdict = now ? Verdict::kShown : Verdict::kDoesNotFit;
  show(inside, std::move(now));
  note_change(entry);
  return verdict;
}

void NodeList::show(Entry& entry, std::optional<DiscoveredNode> node) {
  shown_ += node.has_value() ? 1 : 0;
  shown_ -= entry.shown.has_value() ? 1 : 0;
  entry.shown = std::move(node);
}

void NodeList::note_change(Entries::iterator entry) {
  Entry& inside = entry->second;
  const bool differs = inside.shown != inside.reported;
  if (differs && inside.place == 0) {
    inside.place = next_order_++;
    changed_.emplace(inside.place, entry);
  } else if (!differs && inside.place != 0) {
    changed_.erase(std::exchange(inside.place, 0));
  }
  drop_if_empty(entry);
}

void NodeList::drop_if_empty(Entries::iterator entry) {
  const Entry& inside = entry->second;
  if (inside.seen.empty() && inside.place == 0) entries_.erase(entry);
}

void NodeList::remove(const Instance& instance) {
  const auto place = places_.find(instance);
  if (place == places_.end()) return;
  const auto entry = place->second;
  places_.erase(place);
  entry->second.seen.erase(instance);
  // One that is not shown for want of room is not shown now either.
  if (refresh(entry) == Verdict::kNoRoom) drop_if_empty(entry);
}

void NodeList::clear() {
  while (!places_.empty()) {
    const Instance instance = places_.begin()->first;
    remove(instance);
  }
}

bool NodeList::shows(const std::string& name) const {
  for (auto it = entries_.lower_bound({name, ""}); it != entries_.end(); ++it) {
    if (it->first.first != name) return false;
    if (it->second.shown) return true;
  }
  return false;
}

std::vector<DiscoveredNode> NodeList::nodes() const {
  std::vector<DiscoveredNode> all;
  for (const auto& [key, entry] : entries_) {
    if (entry.shown) all.push_back(*entry.shown);
  }
  return all;
}

std::optional<NodeEvent> NodeList::take_event() {
  if (changed_.empty()) return std::nullopt;
  const auto entry = changed_.begin()->second;
  Entry& inside = entry->second;
  NodeEvent event;
  if (!inside.shown) {
    event = {NodeEvent::Kind::kGone, *std::move(inside.reported)};
  } else if (inside.reported) {
    event = {NodeEvent::Kind::kChanged, *inside.shown};
  } else {
    event = {NodeEvent::Kind::kAppeared, *inside.shown};
  }
  inside.reported = inside.shown;
  note_change(entry);
  return event;
}

}  // namespace echostream::discovery
