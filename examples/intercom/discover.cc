#include "discover.h"

#include <utility>

#include "echostream/base/printable.h"
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/mdns_resolver.h"
#include "echostream/known_peers.h"

namespace intercom {

namespace discovery = echostream::discovery;
using discovery::AdvertiserStatus;

namespace {

// As intercom.proto calls it.
constexpr const char* kService = "intercom.v1.Intercom";

class StationAdvertiser final : public Announced {
 public:
  explicit StationAdvertiser(discovery::Advertiser advertiser)
      : advertiser_(std::move(advertiser)) {}

 private:
  discovery::Advertiser advertiser_;
};

std::string describe(const AdvertiserStatus& status) {
  switch (status.state) {
    case AdvertiserStatus::State::kWaiting:
      return "is not announced yet: " + std::string(status.error.message());
    case AdvertiserStatus::State::kProbing:
      return "asks whether it may be called '" + echostream::printable(status.name) + "'";
    case AdvertiserStatus::State::kAnnounced:
      return "is announced as '" + echostream::printable(status.name) + "'";
  }
  return "";
}

}  // namespace

std::string target_of(const std::string& station) {
  std::string target = std::string(discovery::kMdnsScheme) + ":";
  // In quotes it is a name, whatever it looks like.
  return station.empty() ? target + kService : target + '"' + station + '"';
}

echostream::Result<std::unique_ptr<Announced>> announce_station(
    echostream::Node& node, const std::string& name, std::function<void(const std::string&)> say) {
  discovery::AnnounceOptions options;
  options.name = name;
  options.on_change = [say = std::move(say)](const AdvertiserStatus& status) {
    say(describe(status));
  };
  auto advertiser =
      discovery::announce(node, discovery::make_system_dns_sd(node.loop()), std::move(options));
  if (!advertiser) return advertiser.error();
  return std::unique_ptr<Announced>(std::make_unique<StationAdvertiser>(*std::move(advertiser)));
}

echostream::Status find_stations(echostream::Node& node) {
  auto dns_sd = discovery::make_system_dns_sd(node.loop());
  return node.add_resolver(discovery::make_mdns_resolver(node.loop(), std::move(dns_sd)));
}

echostream::Result<echostream::Trust> trust_known_stations(const std::string& path) {
  auto peers = echostream::make_file_known_peers(path);
  if (!peers) return peers.error();
  return echostream::Trust::known_peers(*std::move(peers), echostream::FirstUse::kAccept);
}

}  // namespace intercom
