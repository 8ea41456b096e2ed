// In place of discover.cc in a build without discovery.
#include "discover.h"

namespace intercom {

namespace {

echostream::Status absent() {
  return {echostream::StatusCode::kUnimplemented,
          "--discover: this program was built without discovery, which needs avahi's client "
          "library. On Debian, install libavahi-client-dev and build it again"};
}

}  // namespace

std::string target_of(const std::string& station) { return station; }

echostream::Result<std::unique_ptr<Announced>> announce_station(
    echostream::Node&, const std::string&, std::function<void(const std::string&)>) {
  return absent();
}

echostream::Status find_stations(echostream::Node&) { return absent(); }

echostream::Result<echostream::Trust> trust_known_stations(const std::string&) { return absent(); }

}  // namespace intercom
