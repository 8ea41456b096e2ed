// What discovery needs of the network: DNS service discovery (RFC 6763) over multicast DNS
// (RFC 6762), as the system's daemon or a simulated network gives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/status.h"
#include "echostream/base/unique_function.h"
#include "echostream/loop.h"
#include "echostream/socket_address.h"

namespace echostream::discovery {

/// The type that all EchoStream nodes have (RFC 6763 section 7).
inline constexpr char kServiceType[] = "_echostream._udp";

/// What one node makes known.
struct Registration {
  /// The instance's name, for people: UTF-8, 1 to 63 bytes, no control characters.
  std::string name;
  std::string type = kServiceType;
  /// First labels only: "_camera" for "_camera._sub._echostream._udp".
  std::vector<std::string> subtypes;
  std::uint16_t port = 0;
  /// "key=value" strings of at most 255 bytes each, in the order in which they are sent.
  std::vector<std::string> txt;
  /// The only interface to announce on, as if_nametoindex(3) counts; 0: all.
  std::uint32_t interface_index = 0;

  friend bool operator==(const Registration&, const Registration&) = default;
};

/// An instance on one interface over one IP version. All strings are as the network said them:
/// they may hold anything, control characters and invalid UTF-8 included.
struct Instance {
  std::string name;
  std::string type;
  std::string domain;
  std::uint32_t interface_index = 0;
  SocketAddress::Family family = SocketAddress::Family::kNone;

  friend auto operator<=>(const Instance&, const Instance&) = default;
};

struct ResolvedInstance {
  std::string host;
  /// With the instance's port, and for link-local IPv6 addresses with the interface as scope.
  SocketAddress address;
  /// In the order in which they were sent.
  std::vector<std::string> txt;

  friend bool operator==(const ResolvedInstance&, const ResolvedInstance&) = default;
};

struct InstanceEvent {
  enum class Kind : std::uint8_t {
    kAppeared,
    kGone,       // it said goodbye, a second ago (RFC 6762 10.1), or its record has expired; its
                 // text may have said "bye" before
    kAllForNow,  // what is known at present has been reported; `instance` means nothing
  };
  Kind kind = Kind::kAllForNow;
  Instance instance;
};

/// Something announced; destroying it withdraws it: what others see already says "bye" in its text
/// at once, and goodbye 260 ms later, which takes effect after a second (RFC 6762 10.1).
/// Publishing that name again waits for neither.
class Publication : public Pending {
 public:
  /// The same with another port, text or subtypes. A changed name is announced anew.
  virtual void update(Registration registration) = 0;
};

/// Everything is called, and calls back, on the thread of one loop, which must outlive it; call
/// backs come from the ready queue, never from inside a call, until the result is destroyed, which
/// they may do. When the daemon is lost, all that runs ends with UNAVAILABLE, once; after
/// watch_status() has said OK it can be begun anew. RESOURCE_EXHAUSTED ends what the daemon has no
/// room for: it gives each program about a thousand of what is below.
class DnsSd {
 public:
  virtual ~DnsSd() = default;

  using StatusCallback = UniqueFunction<void(const Status&)>;
  /// OK while the network can be used; otherwise UNAVAILABLE, with what to install or start. Calls
  /// back soon, with what is so now, and whenever it changes.
  virtual std::unique_ptr<Pending> watch_status(StatusCallback callback) = 0;

  /// Calls back OK when the name is ours, which takes most of a second (RFC 6762 8.1), and again
  /// after each update(); ALREADY_EXISTS when somebody else has the name, now or later: that ends
  /// it. INVALID_ARGUMENT and UNAVAILABLE end it too.
  virtual std::unique_ptr<Publication> publish(Registration registration,
                                               StatusCallback callback) = 0;

  using BrowseCallback = UniqueFunction<void(Result<InstanceEvent>)>;
  /// `type`: kServiceType, or with a subtype: "_camera._sub._echostream._udp". An error ends it.
  virtual std::unique_ptr<Pending> browse(std::string type, BrowseCallback callback) = 0;

  using ResolveCallback = UniqueFunction<void(Result<ResolvedInstance>)>;
  /// Calls back with the first answer and whenever it changes. NOT_FOUND when nobody answers within
  /// some seconds, and UNAVAILABLE, end it.
  virtual std::unique_ptr<Pending> resolve(const Instance& instance, ResolveCallback callback) = 0;

  /// What this machine is called, without its domain: "camera". The system's, unless overridden, as
  /// are the interfaces.
  virtual std::string host_name() const;
  /// As if_nametoindex(3) says; NOT_FOUND when there is none of that name at present.
  virtual Result<std::uint32_t> interface_index(const std::string& name) const;
};

/// The system's: avahi-daemon, over D-Bus. The blocking calls of its client library run on a thread
/// of their own, so that a daemon that hangs does not stop `loop`; such a daemon counts as
/// UNAVAILABLE two seconds after something was asked of it. A daemon that is not there is waited
/// for, and one that was restarted is found again, within a second. Never fails: watch_status()
/// says how it is. Everything reads the newest state, not each step to it: what comes and goes
/// while `loop` is busy is not reported. Destroying it ends what is left of it, and waits at most
/// 300 ms for that: until what was just withdrawn, or still is published, has said goodbye. So a
/// program may end right after.
std::shared_ptr<DnsSd> make_system_dns_sd(Loop& loop);

}  // namespace echostream::discovery
