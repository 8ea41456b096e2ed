// Peers that were met or paired before, by name: Trust::known_peers(). What known_hosts is to ssh.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream {

struct KnownPeer {
  /// How it came to be known.
  enum class Origin : std::uint8_t {
    kFirstUse,  // it was the first to answer by that name
    kPaired,    // a person compared or entered a code on both devices
    kAdded,     // by hand, or by the program
  };
  /// As it was dialled: an announced name ("camera at the door"), or "host:port". At most 255 bytes
  /// of UTF-8 without control characters.
  std::string name;
  Fingerprint fingerprint{Fingerprint::Digest{}};
  Origin origin = Origin::kAdded;
  WallTime since{};
};

/// A list of peers; each name stands for one certificate. Nodes on several threads may share one:
/// every method may be called on any thread, none calls a node, and none takes long.
class KnownPeers {
 public:
  virtual ~KnownPeers() = default;
  virtual std::optional<KnownPeer> find(std::string_view name) const = 0;
  virtual std::optional<KnownPeer> find(const Fingerprint& fingerprint) const = 0;
  /// In the order of their names.
  virtual std::vector<KnownPeer> list() const = 0;
  /// ALREADY_EXISTS when the name stands for another certificate, and nothing changes; OK when it
  /// stands for that one already (an origin of kPaired then replaces kFirstUse).
  /// RESOURCE_EXHAUSTED at 10,000 peers; INVALID_ARGUMENT for a name that is none; UNAVAILABLE when
  /// it cannot be written down.
  virtual Status add(const KnownPeer& peer) = 0;
  /// NOT_FOUND when nobody is known by that name; UNAVAILABLE as above.
  virtual Status remove(std::string_view name) = 0;
};

/// For as long as the program runs.
std::shared_ptr<KnownPeers> make_memory_known_peers();

/// In a file that several programs of one user may share. A line for each peer: fingerprint,
/// origin, date, name. Made with mode 0600 when it is not there, replaced as a whole when
/// something changes, and read again when somebody else has changed it.
///
/// Errors: PERMISSION_DENIED when others may write to the file or it is another user's;
/// INVALID_ARGUMENT with the line's number when it says something that cannot be understood (it is
/// left as it is: guessing whom to trust would be wrong); UNAVAILABLE when it cannot be read or
/// made. A file that becomes unreadable later makes nobody known.
Result<std::shared_ptr<KnownPeers>> make_file_known_peers(std::string path);

}  // namespace echostream
