#include "runtime/transport/known_peer_check.h"

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <utility>

#include "echostream/base/printable.h"
#include "echostream/known_peers.h"

namespace echostream::transport {
namespace {

constexpr std::size_t kMostShownBytes = 255;  // no name of a known peer is longer

std::string quoted(const std::string& name) {
  return "'" + printable(std::string_view(name).substr(0, kMostShownBytes)) + "'";
}

Verdict refuse(std::string why) {
  return {Status(StatusCode::kUnauthenticated, std::move(why)), SSL_AD_CERTIFICATE_UNKNOWN};
}

// The name may be a neighbour's choice, and must not be part of a command that people copy into a
// shell.
Verdict changed(const KnownPeer& known, const Fingerprint& shown) {
  return refuse("the peer that was dialled as " + quoted(known.name) +
                " shows a certificate with fingerprint " + shown.to_string() +
                ", and is known by another, " + known.fingerprint.to_string() +
                ". Somebody else may answer in its place; if the device was replaced or reset, "
                "remove that name with 'echostream peers forget'");
}

Verdict unknown(const KnownPeers& peers, const PeerName& dialled, const Fingerprint& shown) {
  std::string text = "nobody is known by the name " + quoted(dialled.name) +
                     "; pair with it first. The peer shows a certificate with fingerprint " +
                     shown.to_string();
  if (const auto same = peers.find(shown)) text += ", which is known as " + quoted(same->name);
  return refuse(std::move(text));
}

Verdict check_server(const KnownPeers& peers, FirstUse first_use, const PeerName& dialled,
                     const Fingerprint& shown) {
  if (dialled.any && peers.find(shown)) return {};
  if (const auto known = peers.find(dialled.name)) {
    return known->fingerprint == shown ? Verdict() : changed(*known, shown);
  }
  return first_use == FirstUse::kAccept ? Verdict() : unknown(peers, dialled, shown);
}

// The list may be the program's own, and what it throws must not get into the TLS library.
template <class Check>
Verdict guarded(const Check& check) {
  try {
    return check();
  } catch (...) {
    return refuse("the list of known peers threw an exception");
  }
}

}  // namespace

Verdict check_known_server(const Trust& trust, const PeerName& dialled, const Fingerprint& shown) {
  return guarded([&] { return check_server(*trust.peers(), trust.first_use(), dialled, shown); });
}

Verdict check_known_client(const Trust& trust, const Fingerprint& shown) {
  return guarded([&]() -> Verdict {
    if (trust.peers()->find(shown)) return {};
    return refuse("the client's certificate has fingerprint " + shown.to_string() +
                  ", which is not of a known peer; pair with it first");
  });
}

}  // namespace echostream::transport
