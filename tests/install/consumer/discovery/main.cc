// Includes every public header of the components.
#ifdef HAS_discovery
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/browser.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/discovery/mdns_resolver.h"
#endif
#ifdef HAS_pairing
#include "echostream/pairing/pairing.h"
#endif

int main() {
#ifdef HAS_discovery
  const echostream::discovery::BrowseFilter filter{"acme.v1.Camera", "", {}};
  if (filter.service.empty()) return 1;
#endif
  return 0;
}
