// Making a node known on the local network: announce().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/status.h"
#include "echostream/base/task.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/node.h"

namespace echostream::discovery {

struct AdvertiserStatus {
  enum class State : std::uint8_t {
    kWaiting,    // for the daemon, or for the node to listen; `error` says for what
    kProbing,    // asking whether the name is free
    kAnnounced,  // others see it
  };
  State state = State::kWaiting;
  /// The one in use: "camera #2" when somebody else was "camera" before.
  std::string name;
  Status error;

  friend bool operator==(const AdvertiserStatus&, const AdvertiserStatus&) = default;
};

class AnnounceOptions {
 public:
  AnnounceOptions() {}

  /// For people; they see it in lists, and dial it: "echostream+mdns:camera at the door". UTF-8 of
  /// 1 to 63 bytes without control characters. Empty: the machine's host name.
  std::string name;
  /// Tells the node from others of the same name, and one seen on two interfaces from two. Empty: a
  /// random one for as long as it is announced. At most 64 bytes of printable ASCII.
  std::string node_id;
  /// Whatever else others should know: "location=door". Keys are printable ASCII without '=', at
  /// most 9 bytes are usual (RFC 6763 6.4); "v", "id", "fp", "bye" and those beginning with "svc"
  /// are taken. A key and its value have 254 bytes together; all that is announced has 1300 bytes.
  /// Plugins may add to them: Plugin::on_announce().
  std::vector<std::pair<std::string, std::string>> properties;
  /// The only network interface to announce on, by its name: "eth0". Empty: all.
  std::string interface;
  /// Each change, from the ready queue. May destroy the Advertiser, not the node.
  std::function<void(const AdvertiserStatus&)> on_change;
};
static_assert(kSafeInAwait<AnnounceOptions>);

/// Keeps a node announced until it is destroyed, which must be before the node is. Others see it
/// gone at once then, and when the node shuts down. Follows services that are served later, ports
/// that change, daemons that are restarted and interfaces that come and go. One thread: the loop's.
class Advertiser {
 public:
  struct Impl;
  explicit Advertiser(std::unique_ptr<Impl> impl) noexcept;
  Advertiser(Advertiser&&) noexcept;
  Advertiser& operator=(Advertiser&&) noexcept;
  ~Advertiser();

  AdvertiserStatus status() const;
  /// Waits until others see it. UNAVAILABLE at once when there is no daemon, with what to install
  /// or start; the Advertiser itself goes on waiting for one. CANCELLED.
  Task<Status> wait_announced() const;
  /// Other properties, from now on. INVALID_ARGUMENT as in announce(), and nothing changes.
  Status set_properties(std::vector<std::pair<std::string, std::string>> properties);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Announces where `node` listens, what it serves, and its certificate's fingerprint, now or as
/// soon as it listens. INVALID_ARGUMENT says which of the options does not fit, and what would; or
/// that the node serves more than the 31 services that a daemon takes.
/// `dns_sd` is make_system_dns_sd() of the node's loop, which others may use as well. For a
/// NodePool announce any one of its nodes, on its thread: all serve the same on one port.
Result<Advertiser> announce(Node& node, std::shared_ptr<DnsSd> dns_sd,
                            AnnounceOptions options = {});

}  // namespace echostream::discovery
