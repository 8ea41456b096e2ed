// The nodes behind what is seen on all interfaces, and what has changed since somebody looked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/discovery/browser.h"

#include "discovery/browser/sighting.h"

namespace echostream::discovery {

inline constexpr std::size_t kMostNodes = 256;
inline constexpr std::size_t kMostAddresses = 16;

/// No I/O. Holds at most kMostNodes that fit the filter, those that were there first; of the others
/// it holds as many sightings as it is given. Events that nobody takes are bounded too: a node that
/// comes and goes untaken leaves nothing behind, one that was taken leaves its going.
class NodeList {
 public:
  explicit NodeList(BrowseFilter filter) : filter_(std::move(filter)) {}

  enum class Verdict : std::uint8_t { kShown, kDoesNotFit, kNoRoom };
  /// What an instance says now. kNoRoom: it is not kept.
  Verdict set(const Instance& instance, Sighting sighting);
  void remove(const Instance& instance);
  /// All are gone.
  void clear();

  bool has_room() const { return shown_ < kMostNodes; }
  /// Is a node of that name shown?
  bool shows(const std::string& name) const;
  std::vector<DiscoveredNode> nodes() const;
  bool has_event() const { return !changed_.empty(); }
  std::optional<NodeEvent> take_event();

 private:
  struct Seen {
    Sighting sighting;
    std::uint64_t order = 0;  // when it began to say that
  };
  struct Entry {
    std::map<Instance, Seen> seen;
    std::optional<DiscoveredNode> shown;     // now
    std::optional<DiscoveredNode> reported;  // when an event was last taken
    std::uint64_t place = 0;                 // in changed_
  };
  using Key = std::pair<std::string, std::string>;  // name, node id
  using Entries = std::map<Key, Entry>;

  bool fits(const DiscoveredNode& node) const;
  static DiscoveredNode merge(const Key& key, const Entry& entry);
  void show(Entry& entry, std::optional<DiscoveredNode> node);
  /// After what was seen has changed; kNoRoom changes nothing.
  Verdict refresh(Entries::iterator entry);
  void drop_if_empty(Entries::iterator entry);
  void note_change(Entries::iterator entry);

  BrowseFilter filter_;
  Entries entries_;
  std::map<Instance, Entries::iterator> places_;
  std::map<std::uint64_t, Entries::iterator>
      changed_;  // in the order in which they began to differ
  std::size_t shown_ = 0;
  std::uint64_t next_order_ = 1;
};

}  // namespace echostream::discovery
